import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { ComponentProps } from 'react'
import { itemsOf, jobQuery, jobsQuery } from '../api/queries'
import { Select } from './field'

/** The jobs to choose from; one that is far down the list is there when it is chosen. */
export function JobChoice({ value, onChange, none, ...rest }: Omit<ComponentProps<'select'>, 'value' | 'onChange' | 'children'> & { value: number | undefined; onChange: (job: number | undefined) => void; none: string }) {
  const query = useInfiniteQuery(jobsQuery({}, 200))
  const jobs = itemsOf(query.data)
  const known = jobs.some((job) => job.id === value)
  const other = useQuery({ ...jobQuery(value ?? 0), enabled: value !== undefined && !known && !query.isPending })
  return (
    <Select {...rest} value={value ?? ''} onChange={(event) => onChange(event.target.value ? Number(event.target.value) : undefined)}>
      <option value="">{none}</option>
      {value !== undefined && !known && <option value={value}>{other.data?.name ?? `Job ${value}`}</option>}
      {jobs.map((job) => (
        <option key={job.id} value={job.id}>
          {job.name}
        </option>
      ))}
    </Select>
  )
}
