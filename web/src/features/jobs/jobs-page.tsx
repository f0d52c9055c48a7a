import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Ellipsis, Play, Plus, Search, Workflow } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import * as z from 'zod'
import type { JobItem, Schedule } from '@/shared/api/model'
import { itemsOf, jobsQuery } from '@/shared/api/queries'
import { Badge, Button, ButtonLink, Card, Count, EmptyState, ErrorPanel, Input, LoadMore, Menu, PageHeader, RowLink, RunStrip, SampleButton, Select, StatusBadge, Time, type DataColumn } from '@/shared/components'
import { ListTable } from '@/shared/components/list-table'
import { tableName } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { usePicked } from '@/shared/lib/use-picked'
import { useRunNow } from './actions'
import { DeleteJob } from './delete-job'
import { jobSchedulesQuery, planOf } from './job-schedules'
import { NextRun } from './next-run'
import { Selection } from './selection'

const states = ['COMPLETED', 'FAILED', 'RUNNING', 'PENDING', 'CANCELLED', 'NEVER'] as const
const words: Record<(typeof states)[number], string> = { COMPLETED: 'Completed', FAILED: 'Failed', RUNNING: 'Running', PENDING: 'Pending', CANCELLED: 'Cancelled', NEVER: 'Never run' }
const view = z.object({ q: z.string().catch(''), status: z.enum(['', ...states]).catch('') })

export function JobsPage() {
  const [{ q, status }, setState] = useSearchState(view)
  const field = useRef<HTMLInputElement>(null)
  const typing = useRef<ReturnType<typeof setTimeout>>(undefined)
  const { picked, pick, clear } = usePicked()
  // What was picked before is not what another filter shows.
  const filter = (change: { q?: string; status?: typeof status }) => {
    clear()
    setState(change)
  }
  const search = (typed: string) => {
    clearTimeout(typing.current)
    typing.current = setTimeout(() => filter({ q: typed.trim() }), 250)
  }
  useEffect(() => {
    // A link may have changed the filter; what is being typed stays.
    if (field.current && field.current !== document.activeElement) field.current.value = q
  }, [q])
  useEffect(() => () => clearTimeout(typing.current), [])
  const query = useInfiniteQuery({
    ...jobsQuery({ ...(q ? { q } : {}), ...(status ? { status } : {}) }),
    refetchInterval: ({ state }) => (itemsOf(state.data).some((job) => job.recent_runs[0]?.status === 'RUNNING' || job.recent_runs[0]?.status === 'PENDING') ? 3_000 : false),
  })
  const jobs = itemsOf(query.data)
  const chosen = jobs.filter((job) => picked.has(job.id))
  const schedules = useQuery(jobSchedulesQuery)
  const plans = useMemo(() => schedules.data && Map.groupBy(schedules.data, (schedule: Schedule) => schedule.job_id), [schedules.data])
  const nextRun = (job: JobItem) => (plans ? <NextRun plan={planOf(plans.get(job.id) ?? [])} /> : <span className="text-faint">–</span>)
  const navigate = useNavigate()
  const run = useRunNow()
  const [deleting, setDeleting] = useState<JobItem | null>(null)
  const filtered = q !== '' || status !== ''
  const columns: DataColumn<JobItem>[] = [
    {
      id: 'pick',
      header: 'Select',
      width: '3.5rem',
      cell: (job) => <input type="checkbox" aria-label={`Select ${job.name}`} checked={picked.has(job.id)} onChange={(event) => pick([job.id], event.target.checked)} className="tick" />,
    },
    {
      id: 'name',
      header: 'Job',
      cell: (job) => (
        <div className="min-w-0">
          <RowLink to={`/jobs/${job.id}`}>
            <span className="max-w-32 truncate sm:max-w-72">{job.name}</span>
          </RowLink>
          <p className="max-w-32 truncate font-mono text-2xs text-muted sm:max-w-72">{tableName(job)}</p>
          <div className="mt-0.5 flex max-w-32 flex-wrap items-center gap-x-2 gap-y-0.5 text-xs text-muted sm:max-w-72 md:hidden">
            <span className="sm:hidden">
              <LastResult job={job} />
            </span>
            {plans?.has(job.id) && nextRun(job)}
          </div>
        </div>
      ),
    },
    {
      id: 'last',
      header: 'Last run',
      from: 'sm',
      cell: (job) => (
        <div className="flex flex-wrap items-center gap-x-2">
          <LastResult job={job} />
          {job.recent_runs[0] && (
            <span className="text-xs text-muted max-lg:hidden">
              <Time at={job.recent_runs[0].created_at} />
            </span>
          )}
        </div>
      ),
    },
    { id: 'next', header: 'Next run', from: 'md', cell: nextRun },
    { id: 'strip', header: 'Last ten', from: 'md', cell: (job) => <RunStrip runs={job.recent_runs} /> },
    { id: 'rows', header: 'Rows loaded', from: 'lg', align: 'right', cell: (job) => <Count value={job.recent_runs[0]?.rows_loaded} /> },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (job) => (
        <div className="flex justify-end gap-1">
          <Button size="sm" className="max-sm:hidden" aria-label={`Run now: ${job.name}`} busy={run.isPending && run.variables.job === job.id} onClick={() => run.mutate({ job: job.id })}>
            <Play aria-hidden />
            Run now
          </Button>
          <Menu
            trigger={
              <Button variant="ghost" size="icon-sm" aria-label={`More for ${job.name}`}>
                <Ellipsis aria-hidden />
              </Button>
            }
            items={[
              { label: 'Run now', onSelect: () => run.mutate({ job: job.id }) },
              { label: 'Run with another file', onSelect: () => void navigate(`/jobs/${job.id}?run=1`) },
              { label: 'Change', onSelect: () => void navigate(`/jobs/new?job=${job.id}`) },
              { label: 'Runs', onSelect: () => void navigate(`/runs?job=${job.id}`) },
              { label: 'Schedules', onSelect: () => void navigate(`/jobs/${job.id}?tab=schedule`) },
              null,
              { label: 'Delete', danger: true, onSelect: () => setDeleting(job) },
            ]}
          />
        </div>
      ),
    },
  ]
  return (
    <>
      <PageHeader
        title="Jobs"
        description="A job loads a file into a table: which column goes where, and what becomes of bad rows."
        actions={
          <ButtonLink to="/jobs/new" variant="primary">
            <Plus aria-hidden />
            New job
          </ButtonLink>
        }
      />
      <div className="mb-4 flex flex-wrap gap-2" role="search">
        <div className="relative min-w-48 flex-1 sm:max-w-80">
          <Search aria-hidden className="absolute top-2 left-2.5 size-4 text-faint" />
          <Input type="search" aria-label="Search jobs" placeholder="Name or table" className="pl-8" ref={field} defaultValue={q} onChange={(event) => search(event.target.value)} />
        </div>
        <Select aria-label="Last result" className="w-40" value={status} onChange={(event) => filter({ status: event.target.value as typeof status })}>
          <option value="">Any result</option>
          {states.map((each) => (
            <option key={each} value={each}>
              {words[each]}
            </option>
          ))}
        </Select>
      </div>
      {run.error && <ErrorPanel error={run.error} className="mb-4" />}
      {schedules.error && query.data && <ErrorPanel error={schedules.error} onRetry={() => void schedules.refetch()} retrying={schedules.isFetching} className="mb-4" />}
      <Card flush>
        <Selection jobs={jobs} chosen={chosen} onPick={pick} />
        <ListTable
          query={query}
          caption="Jobs"
          columns={columns}
          rows={jobs}
          rowKey={(job) => job.id}
          selected={(job) => picked.has(job.id)}
          footer={<LoadMore query={query} what="jobs" />}
          empty={
            filtered ? (
              <EmptyState
                icon={Search}
                title="No job fits"
                action={
                  <Button
                    onClick={() => {
                      clearTimeout(typing.current)
                      filter({ q: '', status: '' })
                    }}
                  >
                    Show all jobs
                  </Button>
                }
              >
                None has “{q || words[status || 'NEVER']}”.
              </EmptyState>
            ) : (
              <EmptyState
                icon={Workflow}
                title="No job yet"
                action={
                  <ButtonLink to="/jobs/new" variant="primary">
                    New job
                  </ButtonLink>
                }
                sample={<SampleButton />}
              >
                A job says which column of a file goes into which column of a table. It can be run again, on other files, and on a schedule.
              </EmptyState>
            )
          }
        />
      </Card>
      {deleting && <DeleteJob job={deleting} open onOpenChange={(open) => !open && setDeleting(null)} />}
    </>
  )
}

/** How the last run went. */
function LastResult({ job }: { job: JobItem }) {
  return job.recent_runs[0] ? <StatusBadge status={job.recent_runs[0].status} /> : <Badge>Never run</Badge>
}
