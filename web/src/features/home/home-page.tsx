import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { CirclePlus } from 'lucide-react'
import { lazy } from 'react'
import * as z from 'zod'
import type { JobItem, Source, Summary, Tally } from '@/shared/api/model'
import { itemsOf, jobsQuery } from '@/shared/api/queries'
import { Bytes, ButtonLink, Card, ChartFrame, Count, DataTable, EmptyState, PageHeader, QueryView, RowLink, RunStrip, Select, Skeleton, StatusBadge, Time, type DataColumn } from '@/shared/components'
import { formatCount, plural, tableName } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { Attention } from './attention'
import { Figures } from './figures'
import { ListCard } from './list-card'
import { NextSchedules } from './next-schedules'
import { summaryQuery } from './queries'
import { Welcome } from './welcome'

const RowsChart = lazy(() => import('./rows-chart'))

const windows = [
  { hours: 24, label: 'Last 24 hours', short: '24 h' },
  { hours: 168, label: 'Last 7 days', short: '7 days' },
  { hours: 720, label: 'Last 30 days', short: '30 days' },
]
const view = z.object({ hours: z.coerce.number().refine((hours) => windows.some((each) => each.hours === hours)).catch(24) })

export function HomePage() {
  const [{ hours }, setView] = useSearchState(view)
  const summary = useQuery(summaryQuery(hours))
  const jobs = useInfiniteQuery(jobsQuery({}, 8))
  const chosen = windows.find((each) => each.hours === hours)?.short ?? ''
  const list = itemsOf(jobs.data)
  const empty = summary.data && jobs.data && summary.data.recent_files.length === 0 && list.length === 0
  return (
    <>
      <PageHeader
        title="Home"
        actions={
          !empty && (
            <>
              <Select aria-label="Window of the figures" className="w-40" value={hours} onChange={(event) => setView({ hours: Number(event.target.value) })}>
                {windows.map((each) => (
                  <option key={each.hours} value={each.hours}>
                    {each.label}
                  </option>
                ))}
              </Select>
              <ButtonLink to="/jobs/new">
                <CirclePlus aria-hidden />
                New job
              </ButtonLink>
            </>
          )
        }
      />
      {empty ? (
        <Welcome />
      ) : (
        <QueryView query={summary} skeleton={<HomeSkeleton />}>
          {(data) => (
            <>
              <Figures summary={data} window={chosen} />
              <div className="grid gap-5 xl:grid-cols-3">
                <Throughput summary={data} window={chosen} className="xl:col-span-2" />
                <Attention runs={data.failing_runs} since={data.since} />
                <Card
                  title="Jobs"
                  flush
                  className="xl:col-span-2"
                  actions={
                    <ButtonLink to="/jobs" variant="ghost" size="sm">
                      All jobs
                    </ButtonLink>
                  }
                >
                  <QueryView query={jobs}>
                    {() => (
                      <DataTable
                        caption="Jobs"
                        columns={jobColumns}
                        rows={list}
                        rowKey={(job) => job.id}
                        empty={
                          <EmptyState icon={CirclePlus} title="No job yet" level={3} action={<ButtonLink to="/jobs/new" variant="primary">New job</ButtonLink>}>
                            A job says which file goes into which table, and how. It can run again with every new file.
                          </EmptyState>
                        }
                      />
                    )}
                  </QueryView>
                </Card>
                <div className="grid content-start gap-5">
                  <NextSchedules schedules={data.next_schedules} />
                  <RecentFiles files={data.recent_files} />
                </div>
              </div>
            </>
          )}
        </QueryView>
      )}
    </>
  )
}

const jobColumns: DataColumn<JobItem>[] = [
  {
    id: 'name',
    header: 'Job',
    cell: (job) => (
      <div className="min-w-0">
        <RowLink to={`/jobs/${job.id}`}>{job.name}</RowLink>
        <p className="truncate font-mono text-2xs text-muted">{tableName(job)}</p>
      </div>
    ),
  },
  { id: 'status', header: 'Last run', cell: (job) => (job.recent_runs[0] ? <StatusBadge status={job.recent_runs[0].status} /> : <span className="text-xs text-muted">never ran</span>) },
  { id: 'runs', header: 'Last ten', from: 'sm', cell: (job) => <RunStrip runs={job.recent_runs} /> },
  { id: 'rows', header: 'Rows', align: 'right', from: 'md', cell: (job) => <Count value={job.recent_runs[0]?.rows_loaded} /> },
  { id: 'when', header: 'When', align: 'right', from: 'sm', cell: (job) => <span className="text-xs text-muted"><Time at={job.recent_runs[0]?.finished_at ?? job.recent_runs[0]?.created_at} /></span> },
]

const tallyColumns = (name: (at: string) => string): DataColumn<Tally>[] => [
  { id: 'at', header: 'From', cell: (tally) => name(tally.at) },
  { id: 'loaded', header: 'Rows loaded', align: 'right', cell: (tally) => <Count value={tally.rows_loaded} /> },
  { id: 'rejected', header: 'Rejected', align: 'right', cell: (tally) => <Count value={tally.rows_rejected} /> },
  { id: 'completed', header: 'Completed', align: 'right', cell: (tally) => <Count value={tally.runs_completed} /> },
  { id: 'failed', header: 'Failed', align: 'right', cell: (tally) => <Count value={tally.runs_failed} /> },
]

function Throughput({ summary, window, className }: { summary: Summary; window: string; className?: string }) {
  const daily = summary.bucket_seconds >= 86_400
  const name = (at: string) => new Intl.DateTimeFormat('en-GB', daily ? { day: 'numeric', month: 'short' } : window === '24 h' ? { hour: '2-digit', minute: '2-digit' } : { weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(new Date(at))
  return (
    <ChartFrame
      title="Rows loaded"
      summary={`Rows loaded in ${window}: ${formatCount(summary.rows_loaded)}, ${formatCount(summary.rows_rejected)} rejected. The table has every step.`}
      columns={tallyColumns(name)}
      rows={summary.throughput}
      rowKey={(tally) => tally.at}
      className={className}
    >
      <RowsChart tallies={summary.throughput} name={name} />
    </ChartFrame>
  )
}

function RecentFiles({ files }: { files: Source[] }) {
  return (
    <ListCard title="Recent files" all="All files" to="/files" none="No file was uploaded or loaded lately." items={files.slice(0, 8)} itemKey={(file) => file.file_id} className="flex items-center justify-between gap-3">
      {(file) => (
        <>
          <div className="min-w-0">
            <RowLink to={`/files/${file.file_id}`}>
              <span className="truncate">{file.filename}</span>
            </RowLink>
            <p className="truncate text-xs text-muted">
              {plural(file.row_count, 'row')} · {plural(file.column_count, 'column')} · <Bytes value={file.size} />
            </p>
          </div>
          {file.state !== 'complete' && <StatusBadge status={file.state} />}
        </>
      )}
    </ListCard>
  )
}

function HomeSkeleton() {
  return (
    <div role="status">
      <span className="sr-only">Loading</span>
      <Skeleton className="mb-5 h-24" />
      <div className="grid gap-5 xl:grid-cols-3">
        <Skeleton className="h-72 xl:col-span-2" />
        <Skeleton className="h-72" />
      </div>
    </div>
  )
}
