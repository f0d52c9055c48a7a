import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { FileInput, PencilLine, Play, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import * as z from 'zod'
import { isLive, type Job, type Run } from '@/shared/api/model'
import { itemsOf, jobQuery, runsQuery } from '@/shared/api/queries'
import { Button, ButtonLink, ById, Card, Count, DataTable, Duration, EmptyState, ErrorPanel, LoadMore, PageHeader, QueryView, RowLink, StatusBadge, Tabs, Time, type DataColumn } from '@/shared/components'
import { useSearchState } from '@/shared/lib/search-state'
import { useRunNow } from './actions'
import { DeleteJob } from './delete-job'
import { MappingFile } from './mapping-file'
import { Overview } from './overview'
import { RunWithFile } from './run-with-file'
import { Schedules } from './schedules'
import { Versions } from './versions'

const view = z.object({ tab: z.enum(['overview', 'versions', 'runs', 'schedule', 'yaml']).catch('overview'), run: z.stringbool().catch(false) })

export function JobPage() {
  return <ById param="jobId">{(id) => <JobOf id={id} />}</ById>
}

function JobOf({ id }: { id: number }) {
  const query = useQuery(jobQuery(id))
  if (query.error && !query.data) {
    return (
      <>
        <PageHeader title="Job" crumbs={[{ label: 'Jobs', to: '/jobs' }]} />
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      </>
    )
  }
  return <QueryView query={query}>{(job) => <Loaded key={job.id} job={job} />}</QueryView>
}

function Loaded({ job }: { job: Job }) {
  const navigate = useNavigate()
  const [{ tab, run: choosing }, setState] = useSearchState(view)
  const [deleting, setDeleting] = useState(false)
  const run = useRunNow()
  const runs = useInfiniteQuery(runsQuery({ job_id: job.id }))
  const last = itemsOf(runs.data)[0]
  return (
    <>
      <PageHeader
        title={job.name}
        crumbs={[{ label: 'Jobs', to: '/jobs' }]}
        badge={last && <StatusBadge status={last.status} />}
        actions={
          <>
            <Button variant="danger" size="icon" aria-label={`Delete ${job.name}`} onClick={() => setDeleting(true)}>
              <Trash2 aria-hidden />
            </Button>
            <ButtonLink to={`/jobs/new?job=${job.id}`}>
              <PencilLine aria-hidden />
              Change
            </ButtonLink>
            <Button onClick={() => setState({ run: true })}>
              <FileInput aria-hidden />
              Run with another file
            </Button>
            <Button variant="primary" busy={run.isPending} onClick={() => run.mutate({ job: job.id })}>
              {!run.isPending && <Play aria-hidden />}
              Run now
            </Button>
          </>
        }
      />
      {run.error && <ErrorPanel error={run.error} className="mb-4" />}
      <Tabs
        label="The job"
        value={tab}
        onChange={(next) => setState({ tab: next })}
        tabs={[
          { value: 'overview', label: 'Overview', content: <Overview job={job} last={last} /> },
          { value: 'versions', label: 'Versions', content: <Versions job={job} /> },
          { value: 'runs', label: 'Runs', content: <Runs job={job} /> },
          { value: 'schedule', label: 'Schedule', content: <Schedules job={job} /> },
          { value: 'yaml', label: 'YAML', content: <MappingFile job={job} /> },
        ]}
      />
      <RunWithFile job={job} open={choosing} onOpenChange={(open) => setState({ run: open })} />
      <DeleteJob job={job} open={deleting} onOpenChange={setDeleting} onDeleted={() => navigate('/jobs')} />
    </>
  )
}

const columns: DataColumn<Run>[] = [
  { id: 'run', header: 'Run', cell: (run) => <RowLink to={`/runs/${run.id}`}>#{run.id}</RowLink> },
  { id: 'status', header: 'Result', cell: (run) => <StatusBadge status={run.status} /> },
  { id: 'at', header: 'Started', cell: (run) => <Time at={run.created_at} /> },
  { id: 'duration', header: 'Took', from: 'md', align: 'right', cell: (run) => <Duration from={run.started_at} to={isLive(run) ? null : run.finished_at} /> },
  { id: 'loaded', header: 'Loaded', from: 'sm', align: 'right', cell: (run) => <Count value={run.rows_loaded} /> },
  { id: 'rejected', header: 'Rejected', from: 'md', align: 'right', cell: (run) => <Count value={run.rows_rejected} /> },
  { id: 'version', header: 'Version', from: 'lg', align: 'right', cell: (run) => run.job_version },
  { id: 'trigger', header: 'By', from: 'lg', cell: (run) => <span className="text-muted">{run.trigger}</span> },
]

function Runs({ job }: { job: Job }) {
  const query = useInfiniteQuery(runsQuery({ job_id: job.id }))
  if (query.error && !query.data) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
  return (
    <Card flush>
      <DataTable
        caption={`Runs of ${job.name}`}
        columns={columns}
        rows={itemsOf(query.data)}
        rowKey={(run) => run.id}
        loading={query.isPending}
        footer={<LoadMore query={query} what="runs" />}
        empty={
          <EmptyState icon={Play} title="It has not run yet">
            “Run now” loads the job's file.
          </EmptyState>
        }
      />
    </Card>
  )
}
