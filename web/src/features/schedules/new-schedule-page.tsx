import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import * as z from 'zod'
import { call, client } from '@/shared/api/client'
import { jobQuery, scheduleQuery } from '@/shared/api/queries'
import { PageHeader } from '@/shared/components'
import { useSearchState } from '@/shared/lib/search-state'
import { inputOf } from './form'
import { ScheduleForm } from './schedule-form'

const view = z.object({ job: z.coerce.number().int().positive().optional().catch(undefined) })

export function NewSchedulePage() {
  const [{ job }] = useSearchState(view)
  const navigate = useNavigate()
  const queries = useQueryClient()
  const name = useQuery({ ...jobQuery(job ?? 0), enabled: job !== undefined }).data?.name
  return (
    <>
      <PageHeader
        title="New schedule"
        crumbs={job === undefined ? [{ label: 'Schedules', to: '/schedules' }] : [{ label: 'Jobs', to: '/jobs' }, { label: name ?? `Job ${job}`, to: `/jobs/${job}?tab=schedule` }]}
        description="It lets a job run by itself, from the moment it is saved."
      />
      <ScheduleForm
        job={job}
        action="Save and switch on"
        onSave={async (values) => {
          const made = await call(client.POST('/api/v1/schedules', { params: { query: { job_id: Number(values.job_id) } }, body: inputOf(values, true) }))
          queries.setQueryData(scheduleQuery(made.id).queryKey, made)
          toast.success('The schedule is on')
          await Promise.all([queries.invalidateQueries({ queryKey: ['schedules', 'list'] }), queries.invalidateQueries({ queryKey: ['runs', 'summary'] })])
          await navigate(`/schedules/${made.id}`)
        }}
      />
    </>
  )
}
