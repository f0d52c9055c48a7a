import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Ellipsis, FileText, Link2, ListChecks, SquareTerminal, Trash2 } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import * as z from 'zod'
import { isLive, type Run } from '@/shared/api/model'
import type { RunFilter } from '@/shared/api/queries'
import { Button, ButtonLink, Card, ConfirmDialog, Count, Duration, EmptyState, LiveBadge, Menu, PageHeader, RowLink, SampleButton, Select, StatusBadge, Time, type DataColumn } from '@/shared/components'
import { JobChoice } from '@/shared/components/job-choice'
import { ListTable } from '@/shared/components/list-table'
import { elapsed, plural } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { formatMoment } from '@/shared/lib/time'
import { usePicked } from '@/shared/lib/use-picked'
import { curlOf, deleteRuns, linkTo } from './links'
import { historyQuery } from './queries'
import { copied } from './run-actions'

const statuses = ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const
const choices = [
  { value: '', label: 'All' },
  { value: 'RUNNING', label: 'Running' },
  { value: 'PENDING', label: 'Pending' },
  { value: 'COMPLETED', label: 'Completed' },
  { value: 'FAILED', label: 'Failed' },
  { value: 'CANCELLED', label: 'Cancelled' },
] as const
const spans = { '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000, '30d': 30 * 86_400_000 } as const
const isSpan = (text: string): text is keyof typeof spans => text in spans

const view = z.object({
  status: z.enum(['', ...statuses]).catch(''),
  job: z.coerce.number().int().positive().optional().catch(undefined),
  parent: z.coerce.number().int().positive().optional().catch(undefined),
  /** A span back from now ("24h"), or a time. */
  since: z.string().refine((text) => isSpan(text) || !Number.isNaN(Date.parse(text))).catch(''),
  cursor: z.string().catch(''),
})

export function RunsPage() {
  const [state, setState] = useSearchState(view)
  const queries = useQueryClient()
  const { picked, pick, clear } = usePicked()
  const [deleting, setDeleting] = useState<number[]>([])
  // A span is counted from when the page was opened, so that its rows stay the same.
  const [opened] = useState(() => Math.floor(Date.now() / 1000) * 1000)
  const since = isSpan(state.since) ? new Date(opened - spans[state.since]).toISOString() : state.since || undefined
  const filter: RunFilter = { status: state.status || undefined, job_id: state.job, parent_run_id: state.parent, since }
  const query = useQuery(historyQuery(filter, state.cursor || undefined))
  const runs = query.data?.items ?? []
  const filtered = Boolean(state.status || state.job || state.parent || state.since)
  const live = runs.some(isLive)
  const chosen = runs.filter((run) => picked.has(run.id) && !isLive(run)).map((run) => run.id)
  // Another filter starts at its first page, and what was picked before is not on it.
  const choose = (change: Partial<typeof state>) => {
    clear()
    setState({ cursor: '', ...change }, { push: true })
  }
  const over = runs.filter((run) => !isLive(run)).map((run) => run.id)
  const columns = useMemo(() => columnsOf(picked, (id, on) => pick([id], on), (id) => setDeleting([id])), [picked, pick])

  return (
    <>
      <PageHeader title="Runs" description="Every load there was, newest first." badge={live && <LiveBadge state={query.isError ? 'reconnecting' : 'polling'} />} />
      <Card flush>
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2.5 border-b border-line px-4 py-3">
          <fieldset className="flex min-w-0 flex-wrap gap-1">
            <legend className="sr-only">Status</legend>
            {choices.map((choice) => (
              <Button key={choice.value} size="sm" variant={state.status === choice.value ? 'secondary' : 'ghost'} aria-pressed={state.status === choice.value} onClick={() => choose({ status: choice.value })} className={state.status === choice.value ? 'border-accent/40 bg-accent-soft text-accent-text' : ''}>
                {choice.label}
              </Button>
            ))}
          </fieldset>
          <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2 sm:justify-end">
            <JobChoice aria-label="Job" className="w-full sm:w-48" none="All jobs" value={state.job} onChange={(job) => choose({ job })} />
            <Select aria-label="Period" value={state.since} onChange={(event) => choose({ since: event.target.value })} className="w-full sm:w-40">
              <option value="">Any time</option>
              <option value="1h">Last hour</option>
              <option value="24h">Last 24 hours</option>
              <option value="7d">Last 7 days</option>
              <option value="30d">Last 30 days</option>
              {state.since && !isSpan(state.since) && <option value={state.since}>Since {formatMoment(state.since)}</option>}
            </Select>
            {filtered && (
              <Button size="sm" variant="ghost" onClick={() => choose({ status: '', job: undefined, parent: undefined, since: '' })}>
                Clear filters
              </Button>
            )}
          </div>
        </div>
        {state.parent && (
          <p className="border-b border-line bg-sunken px-4 py-2 text-xs text-muted">
            Only runs that load corrected rows of run {state.parent}.
          </p>
        )}
        {(chosen.length > 0 || over.length > 1) && (
          <div className="flex min-h-10 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 text-xs text-muted">
            <Button size="sm" variant="ghost" className="-ml-2.5" onClick={() => pick(over, chosen.length < over.length)}>
              {chosen.length < over.length ? `Select all ${over.length} that are over` : 'Select none'}
            </Button>
            {chosen.length > 0 && (
              <>
                <span role="status">{plural(chosen.length, 'run')} selected</span>
                <Button size="sm" variant="danger" onClick={() => setDeleting(chosen)}>
                  <Trash2 aria-hidden />
                  Delete selected
                </Button>
              </>
            )}
          </div>
        )}
        <ListTable
          query={query}
          caption="Runs"
          columns={columns}
          rows={runs}
          rowKey={(run) => run.id}
          selected={(run) => picked.has(run.id)}
          empty={
            state.cursor ? (
              <EmptyState icon={ListChecks} title="No older runs" action={<Button onClick={() => setState({ cursor: '' })}>Back to the newest</Button>} />
            ) : filtered ? (
              <EmptyState icon={ListChecks} title="No run fits these filters" action={<Button variant="primary" onClick={() => choose({ status: '', job: undefined, parent: undefined, since: '' })}>Clear filters</Button>} />
            ) : (
              <EmptyState icon={ListChecks} title="Nothing was run yet" action={<ButtonLink to="/jobs" variant="primary">Go to the jobs</ButtonLink>} sample={<SampleButton />}>
                A run loads a file into a table by a job. Its progress, its log and the rows that it could not load are kept here.
              </EmptyState>
            )
          }
          footer={
            (state.cursor || query.data?.next_cursor) && (
              <nav aria-label="Pages" className="flex w-full items-center justify-between">
                {state.cursor ? (
                  <Button size="sm" variant="ghost" onClick={() => setState({ cursor: '' }, { push: true })}>
                    Newest
                  </Button>
                ) : (
                  <span />
                )}
                {query.data?.next_cursor && (
                  <Button size="sm" variant="ghost" busy={query.isPlaceholderData} onClick={() => setState({ cursor: query.data.next_cursor ?? '' }, { push: true })}>
                    Older runs
                  </Button>
                )}
              </nav>
            )
          }
        />
      </Card>
      <ConfirmDialog
        open={deleting.length > 0}
        onOpenChange={() => setDeleting([])}
        title={deleting.length === 1 ? `Delete run ${deleting[0] ?? ''}?` : `Delete ${deleting.length} runs?`}
        action={deleting.length === 1 ? 'Delete run' : `Delete ${deleting.length} runs`}
        onConfirm={async () => {
          let gone = 0
          try {
            await deleteRuns(deleting, (id) => {
              gone++
              pick([id], false)
            })
          } finally {
            if (gone > 0) toast.success(`${plural(gone, 'run')} deleted`)
            await queries.invalidateQueries({ queryKey: ['runs'] })
          }
        }}
      >
        {deleting.length === 1 ? 'Its log and its rejected rows go with it' : 'Their logs and their rejected rows go with them'} and cannot be had back. The rows that were loaded stay in their tables.
      </ConfirmDialog>
    </>
  )
}

function RowMenu({ run, onDelete }: { run: Run; onDelete: () => void }) {
  const navigate = useNavigate()
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="icon-sm" aria-label={`Actions of run ${run.id}`}>
          <Ellipsis aria-hidden />
        </Button>
      }
      items={[
        { label: 'Logs', icon: FileText, onSelect: () => void navigate(`/runs/${run.id}/logs`) },
        { label: 'Copy link', icon: Link2, onSelect: () => void copied(linkTo(run.id), 'Link') },
        { label: 'Copy as curl', icon: SquareTerminal, onSelect: () => void copied(curlOf(run.id), 'Command') },
        null,
        { label: 'Delete run', icon: Trash2, danger: true, disabled: isLive(run), onSelect: onDelete },
      ]}
    />
  )
}

function columnsOf(picked: ReadonlySet<number>, onPick: (id: number, on: boolean) => void, onDelete: (id: number) => void): DataColumn<Run>[] {
  return [
    {
      id: 'pick',
      header: 'Select',
      width: '3.5rem',
      from: 'sm',
      cell: (run) => (
        <input type="checkbox" aria-label={`Select run ${run.id}`} checked={picked.has(run.id)} disabled={isLive(run)} title={isLive(run) ? 'It can be deleted when it is over' : undefined} onChange={(event) => onPick(run.id, event.target.checked)} className="tick" />
      ),
    },
    {
      id: 'run',
      header: 'Run',
      sort: (run) => run.id,
      cell: (run) => (
        <div className="min-w-28 max-sm:max-w-36">
          <RowLink to={`/runs/${run.id}`}>
            <span className="sm:truncate">
              {run.job_name} <span className="font-normal text-muted">· run {run.id}</span>
            </span>
          </RowLink>
          {run.parent_run_id !== null && <p className="text-2xs text-muted">corrected rows of run {run.parent_run_id}</p>}
          {run.error && <p className="line-clamp-1 max-w-[60ch] text-2xs break-all text-bad-text">{run.error.message}</p>}
        </div>
      ),
    },
    { id: 'status', header: 'Status', sort: (run) => run.status, cell: (run) => <StatusBadge status={run.status} label={run.status === 'RUNNING' && run.phase === 'load' ? `${Math.floor(run.progress_percentage)} %` : undefined} /> },
    { id: 'loaded', header: 'Loaded', align: 'right', sort: (run) => run.rows_loaded, cell: (run) => <Count value={run.rows_loaded} /> },
    {
      id: 'rejected',
      header: 'Rejected',
      align: 'right',
      from: 'sm',
      sort: (run) => run.rows_rejected,
      cell: (run) =>
        run.rows_rejected > 0 ? (
          <RowLink to={`/runs/${run.id}/rejects`} aria-label={`${run.rows_rejected} rejected rows of run ${run.id}`} className="text-bad-text">
            <Count value={run.rows_rejected} />
          </RowLink>
        ) : (
          <Count value={run.rows_rejected} />
        ),
    },
    { id: 'duration', header: 'Duration', align: 'right', from: 'sm', sort: (run) => elapsed(run.started_at, run.finished_at), cell: (run) => <Duration from={run.started_at} to={run.finished_at} /> },
    { id: 'started', header: 'Started', from: 'md', sort: (run) => run.created_at, cell: (run) => <Time at={run.started_at ?? run.created_at} /> },
    { id: 'trigger', header: 'By', from: 'xl', cell: (run) => <span className="text-muted">{run.trigger}</span> },
    { id: 'actions', header: 'Actions', width: '4rem', cell: (run) => <RowMenu run={run} onDelete={() => onDelete(run.id)} /> },
  ]
}
