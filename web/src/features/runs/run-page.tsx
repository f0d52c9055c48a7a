import { useQuery } from '@tanstack/react-query'
import { CornerDownRight, CornerLeftUp, TriangleAlert } from 'lucide-react'
import { isLive, type Run } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { sourceQuery } from '@/shared/api/queries'
import { Badge, ById, Bytes, ButtonLink, Card, Duration, ErrorPanel, Facts, LiveBadge, PageHeader, ProgressBar, RowLink, SkeletonLines, StatusBadge, TextLink, Time } from '@/shared/components'
import { formatCount, formatDuration, plural, toBigInt } from '@/shared/lib/format'
import { ChunkMap } from './chunk-map'
import { LogLine } from './log-line'
import type { Log } from './queries'
import { useSpeed } from './rate'
import { Reconciliation } from './reconciliation'
import { Recovery, RunActions } from './run-actions'
import { RunRejects } from './run-rejects'
import { Stepper } from './stepper'
import { loadedNothing } from './steps'
import { useLiveRun } from './use-live-run'

const crumbs = [{ label: 'Runs', to: '/runs' }]
const lastLines = 8

export function RunPage() {
  return <ById param="runId">{(id) => <RunOf id={id} />}</ById>
}

function RunOf({ id }: { id: number }) {
  const { run, log, liveness } = useLiveRun(id)
  if (!run.data) {
    return (
      <>
        <PageHeader title={`Run ${id}`} crumbs={crumbs} />
        {run.error ? <ErrorPanel error={run.error} onRetry={() => void run.refetch()} retrying={run.isFetching} actions={<ButtonLink to="/runs" size="sm">See all runs</ButtonLink>} /> : <SkeletonLines lines={8} />}
      </>
    )
  }
  return <Loaded key={id} run={run.data} log={log.data} liveness={liveness} />
}

function Loaded({ run, log, liveness }: { run: Run; log: Log | undefined; liveness: ReturnType<typeof useLiveRun>['liveness'] }) {
  const live = isLive(run)
  const nothing = loadedNothing(run)
  return (
    <>
      <PageHeader
        title={`Run ${run.id}`}
        name={`Run ${run.id}, ${run.job_name}`}
        crumbs={crumbs}
        badge={
          <>
            {nothing ? <Badge tone="warn" icon={TriangleAlert}>Completed, nothing loaded</Badge> : <StatusBadge status={run.status} />}
            {live && <LiveBadge state={liveness} />}
          </>
        }
        description={
          <>
            <TextLink to={`/jobs/${run.job_id}`}>{run.job_name}</TextLink>, version {run.job_version} · started <Time at={run.started_at ?? run.created_at} /> · <Duration from={run.started_at} to={run.finished_at} />
          </>
        }
        actions={<RunActions run={run} />}
      />
      <p role="status" className="sr-only">
        {live ? '' : `The run is ${run.status.toLowerCase()}${nothing ? ', but it loaded nothing' : ''}`}
      </p>
      <div className="grid gap-5">
        <Family run={run} />
        <Failure run={run} />
        <Card title="Progress">
          <Stepper run={run} />
          <Progress run={run} live={live} />
        </Card>
        <Reconciliation run={run} />
        <div className="grid items-start gap-5 lg:grid-cols-2">
          <RunRejects run={run} />
          <ChunkMap run={run} />
        </div>
        <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
          <Card
            title="Log"
            flush
            actions={
              <ButtonLink to={`/runs/${run.id}/logs`} variant="ghost" size="sm">
                Whole log
              </ButtonLink>
            }
          >
            {!log ? (
              <SkeletonLines lines={4} />
            ) : log.entries.length === 0 ? (
              <p className="px-4 py-5 text-sm text-muted">Nothing is logged yet.</p>
            ) : (
              <ol aria-label="Last lines of the log" className="py-1.5">
                {log.entries.slice(-lastLines).map((entry) => (
                  <li key={entry.id}>
                    <LogLine entry={entry} />
                  </li>
                ))}
              </ol>
            )}
          </Card>
          <Details run={run} />
        </div>
      </div>
    </>
  )
}

/** How far a run is, how fast, and when it may end. */
function Progress({ run, live }: { run: Run; live: boolean }) {
  const { rowsPerSecond, remaining } = useSpeed(run, live)
  const percent = run.status === 'COMPLETED' ? 100 : run.progress_percentage
  const unknown = live && run.phase !== 'load' && percent < 100
  const figures = [
    { name: 'Progress', value: `${Math.floor(percent)} %` },
    { name: live ? 'Rows a second' : 'Rows a second, average', value: rowsPerSecond === null ? '–' : formatCount(Math.round(rowsPerSecond)) },
    { name: live ? 'Time left' : 'Took', value: live ? (remaining === null ? '–' : `about ${formatDuration(Math.max(1000, Math.round(remaining / 1000) * 1000))}`) : <Duration from={run.started_at} to={run.finished_at ?? run.created_at} /> },
    { name: 'Read', value: <><Bytes value={run.bytes_read} /> of <Bytes value={run.bytes_total} /></> },
  ]
  return (
    <div className="mt-5 border-t border-line pt-4">
      <ProgressBar
        value={unknown ? null : percent}
        label="Progress of the run"
        text={`${Math.floor(percent)} %${remaining === null ? '' : `, about ${formatDuration(remaining)} left`}`}
        tone={loadedNothing(run) ? 'warn' : run.status === 'COMPLETED' ? 'ok' : run.status === 'FAILED' ? 'bad' : 'accent'}
      />
      <dl className="mt-3 grid grid-cols-2 gap-x-6 gap-y-3 md:grid-cols-4">
        {figures.map((figure) => (
          <div key={figure.name}>
            <dt className="text-xs text-muted">{figure.name}</dt>
            <dd className="text-base font-semibold">{figure.value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

/** Why a run failed and what helps. */
function Failure({ run }: { run: Run }) {
  if (run.status !== 'FAILED') return null
  const bad = (toBigInt(run.rows_rejected) ?? 0n) > 0n
  const { code, message, fix, column, line, value } = run.error ?? { code: 'unknown', message: 'It did not say why.' }
  // Most messages say the place themselves.
  const place = line !== undefined && message.includes(`line ${line}`) ? {} : { column, line, value }
  const problem = new Problem({ title: 'The run failed; nothing was loaded', detail: message, fix, code, ...place })
  return <ErrorPanel error={problem} actions={<Recovery run={run} badRows={bad} />} />
}

/** The run whose bad rows this one loads, and those that load bad rows of this one. */
function Family({ run }: { run: Run }) {
  const children = run.child_runs ?? []
  if (run.parent_run_id === null && children.length === 0) return null
  return (
    <section aria-label="Related runs" className="grid gap-2 rounded-lg border border-line bg-sunken px-4 py-3 text-sm">
      {run.parent_run_id !== null && (
        <p className="flex items-center gap-2">
          <CornerLeftUp aria-hidden className="size-4 shrink-0 text-muted" />
          <span>
            Loads corrected rows of <TextLink to={`/runs/${run.parent_run_id}`}>run {run.parent_run_id}</TextLink> again.
          </span>
        </p>
      )}
      {children.map((child) => (
        <div key={child.id} className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <CornerDownRight aria-hidden className="size-4 shrink-0 text-muted" />
          <span>
            Corrected rows were sent again with <TextLink to={`/runs/${child.id}`}>run {child.id}</TextLink>
          </span>
          <StatusBadge status={child.status} />
          <span className="text-xs text-muted">
            {plural(child.rows_loaded, 'row')} loaded, {formatCount(child.rows_rejected)} rejected
          </span>
        </div>
      ))}
    </section>
  )
}

function Details({ run }: { run: Run }) {
  const file = useQuery(sourceQuery(run.file_id))
  return (
    <Card title="Details">
      <Facts
        items={[
          { name: 'File', value: <RowLink to={`/files/${run.file_id}`}><span className="truncate">{file.data?.filename ?? run.file_id}</span></RowLink> },
          { name: 'Started by', value: run.trigger },
          { name: 'Way', value: run.path === 'direct' ? 'Straight into the table' : run.path === 'fan-out' ? 'By several loaders, over a stage' : '–' },
          { name: 'Attempt', value: formatCount(run.attempt) },
          { name: 'Made', value: <Time at={run.created_at} absolute /> },
          { name: 'Started', value: <Time at={run.started_at} absolute /> },
          { name: 'Ended', value: <Time at={run.finished_at} absolute /> },
        ]}
      />
    </Card>
  )
}
