import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleCheck, Download, FileUp, Play, Undo2 } from 'lucide-react'
import { useCallback, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import * as z from 'zod'
import { call, client, fetchRaw } from '@/shared/api/client'
import { isLive, type Run } from '@/shared/api/model'
import { itemsOf, liveInterval, runQuery } from '@/shared/api/queries'
import { Button, ButtonLink, ById, Card, EmptyState, ErrorPanel, PageHeader, SkeletonLines, StatusBadge, TextLink } from '@/shared/components'
import { RunSkipping } from '@/shared/components/run-skipping'
import { formatCount, plural } from '@/shared/lib/format'
import { save } from '@/shared/lib/save'
import { searchOf, useSearchState } from '@/shared/lib/search-state'
import { rowsToLoad, useDraft, withCell, withTicks } from './draft'
import { rejectsQuery, type RejectFilter, type Reloaded } from './queries'
import { RejectGrid } from './reject-grid'
import { RejectGroups } from './reject-groups'

const view = z.object({ reason: z.string().catch(''), col: z.string().catch('') })

export function RejectsPage() {
  return <ById param="runId">{(id) => <RejectsOf id={id} />}</ById>
}

function RejectsOf({ id }: { id: number }) {
  const run = useQuery({ ...runQuery(id), refetchInterval: ({ state }) => (state.data && isLive(state.data) ? liveInterval : false) })
  const [{ reason, col }, setState] = useSearchState(view)
  const query = useRejects(id, { code: reason || undefined, column: col || undefined }, run.data !== undefined && isLive(run.data))
  const [saving, setSaving] = useState(false)
  const [failure, setFailure] = useState<unknown>(null)
  const error = run.error ?? query.error

  const download = async () => {
    setSaving(true)
    setFailure(null)
    try {
      const response = await fetchRaw(`/api/v1/job-runs/${id}/rejects${searchOf({ format: 'csv', code: reason, column: col })}`)
      save(`rejects-run-${id}.csv`, 'text/csv', await response.blob())
    } catch (cause) {
      setFailure(cause)
    } finally {
      setSaving(false)
    }
  }
  const first = query.data?.pages[0]
  return (
    <>
      <PageHeader
        title={`Rejected rows of run ${id}`}
        crumbs={[{ label: 'Runs', to: '/runs' }, { label: run.data ? `Run ${id}, ${run.data.job_name}` : `Run ${id}`, to: `/runs/${id}` }]}
        badge={run.data && <StatusBadge status={run.data.status} />}
        description={first && first.rows_rejected > 0 && `${plural(first.rows_rejected, 'row')} could not be loaded${run.data?.status === 'COMPLETED' ? '. Correct the cells and load only those rows again' : ''}.`}
        actions={
          first && first.groups.length > 0 && (
            <Button busy={saving} onClick={() => void download()}>
              {!saving && <Download aria-hidden />}
              Download CSV
            </Button>
          )
        }
      />
      {failure !== null && <ErrorPanel error={failure} className="mb-4" />}
      {!first || !run.data ? (
        error ? (
          <ErrorPanel error={error} onRetry={() => void Promise.all([run.refetch(), query.refetch()])} retrying={run.isFetching || query.isFetching} />
        ) : (
          <SkeletonLines lines={8} />
        )
      ) : first.groups.length === 0 ? (
        <Card>
          <EmptyState icon={CircleCheck} title={isLive(run.data) ? 'No row is rejected so far' : 'No row was rejected'} action={<ButtonLink to={`/runs/${id}`}>Back to the run</ButtonLink>}>
            Rows that do not fit the table or the mapping are kept here with their reasons.
          </EmptyState>
        </Card>
      ) : (
        <div className="grid items-start gap-5 lg:grid-cols-[17rem_minmax(0,1fr)]">
          <RejectGroups groups={first.groups} kept={first.groups.reduce((n, group) => n + group.count, 0)} reason={reason} column={col} onChoose={(code, column) => setState({ reason: code, col: column }, { push: true })} />
          <Rows key={id} run={run.data} query={query} filter={{ reason, col }} onAll={() => setState({ reason: '', col: '' })} />
        </div>
      )}
    </>
  )
}

/** Rejected rows; looked for again every few seconds while the run is live. */
function useRejects(id: number, filter: RejectFilter, live: boolean) {
  return useInfiniteQuery({ ...rejectsQuery(id, filter), refetchInterval: live ? liveInterval : false })
}
type Query = ReturnType<typeof useRejects>

function Rows({ run, query, filter, onAll }: { run: Run; query: Query; filter: { reason: string; col: string }; onAll: () => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [draft, change] = useDraft(run.id)
  const upload = useRef<HTMLInputElement>(null)
  const first = query.data?.pages[0]
  const columns = first?.columns ?? []
  const width = columns.length
  const rejects = itemsOf(query.data)
  const kept = first?.groups.reduce((n, group) => n + group.count, 0) ?? 0
  const total = first?.groups.filter((group) => (!filter.reason || group.code === filter.reason) && (!filter.col || group.column === filter.col)).reduce((n, group) => n + group.count, 0) ?? 0
  const editable = run.status === 'COMPLETED'
  const rows = rowsToLoad(draft)
  const done = async (answer: Reloaded) => {
    change(() => ({}))
    toast.success(`${plural(answer.rows, 'row')} of run ${run.id} are loaded again`)
    await queries.invalidateQueries({ queryKey: ['runs'] })
    await navigate(`/runs/${answer.job_run_id}`)
  }
  // A request that is sent twice, as after a lost answer, makes one run.
  const key = useRef('')
  const reload = useMutation({
    mutationFn: () => {
      key.current ||= crypto.randomUUID()
      return call(client.POST('/api/v1/job-runs/{id}/rejects/reload', { params: { path: { id: run.id }, header: { 'Idempotency-Key': key.current } }, body: { rows } }))
    },
    onSuccess: done,
  })
  const reloadFile = useMutation({
    mutationFn: async (file: File) => {
      const response = await fetchRaw(`/api/v1/job-runs/${run.id}/rejects/reload/csv`, { method: 'POST', body: file, headers: { 'Content-Type': 'text/csv', 'Idempotency-Key': crypto.randomUUID() } })
      return (await response.json()) as Reloaded
    },
    onSuccess: done,
  })
  const edit = (next: Parameters<typeof change>[0]) => {
    key.current = ''
    reload.reset()
    change(next)
  }
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  const failure = reload.error ?? reloadFile.error
  return (
    <div className="grid min-w-0 gap-4">
      {!editable && <NotYet run={run} />}
      {failure && <ErrorPanel error={failure} />}
      <Card
        title={editable ? 'Correct and load again' : 'Rows'}
        description={`${plural(total, 'row')}${first && first.rows_rejected > kept ? `; of ${formatCount(first.rows_rejected)} rejected ones ${formatCount(kept)} are kept` : ''}`}
        flush
        actions={
          editable && (
            <>
              <input
                ref={upload}
                type="file"
                accept=".csv,text/csv"
                aria-label="Corrected CSV file"
                className="hidden"
                onChange={(event) => {
                  const file = event.target.files?.[0]
                  event.target.value = ''
                  if (file) reloadFile.mutate(file)
                }}
              />
              <Button size="sm" variant="ghost" busy={reloadFile.isPending} title="The downloaded CSV with its cells corrected; rows may be removed from it" onClick={() => upload.current?.click()}>
                <FileUp aria-hidden />
                Load a corrected CSV
              </Button>
            </>
          )
        }
      >
        {rejects.length === 0 ? (
          <EmptyState level={3} icon={CircleCheck} title="No rejected row fits this" action={<Button onClick={onAll}>Show all</Button>} />
        ) : (
          <RejectGrid
            rejects={rejects}
            columns={columns}
            total={total}
            draft={draft}
            editable={editable}
            resent={run.child_runs}
            onCell={(reject, column, value) => edit((before) => withCell(before, reject, width, column, value))}
            onTick={(some, load) => edit((before) => withTicks(before, some, width, load))}
            onEnd={more}
          />
        )}
        {editable && (
          <div className="flex flex-wrap items-center gap-2 border-t border-line bg-sunken px-4 py-2.5">
            <p role="status" className="mr-auto text-sm text-muted">
              {rows.length === 0 ? 'Change cells, or tick rows that shall be tried again as they are.' : `${plural(rows.length, 'row')} to load`}
            </p>
            {Object.keys(draft).length > 0 && (
              <Button variant="ghost" onClick={() => edit(() => ({}))}>
                <Undo2 aria-hidden />
                Discard changes
              </Button>
            )}
            <Button variant="primary" disabled={rows.length === 0} busy={reload.isPending} onClick={() => reload.mutate()}>
              {!reload.isPending && <Play aria-hidden />}
              {rows.length === 0 ? 'Load corrected rows' : `Load ${plural(rows.length, 'row')}`}
            </Button>
          </div>
        )}
      </Card>
    </div>
  )
}

/** Why the rows of this run cannot be loaded alone, and the way there. */
function NotYet({ run }: { run: Run }) {
  if (isLive(run)) {
    return (
      <p className="rounded-lg border border-line bg-sunken px-4 py-3 text-sm">
        <TextLink to={`/runs/${run.id}`}>The run</TextLink> is not over yet; rows can be corrected and loaded when it is completed.
      </p>
    )
  }
  return (
    <section aria-label="What to do" className="flex flex-wrap items-center gap-x-4 gap-y-3 rounded-lg border border-warn/40 bg-warn-soft px-4 py-3 text-sm">
      <p className="min-w-0 flex-1 basis-72">
        This run loaded nothing, so its bad rows cannot be loaded alone. Correct the file, or run the job again with bad rows set aside: the good rows are loaded, and the bad ones can be corrected here.
      </p>
      <RunSkipping run={run} variant="primary" />
    </section>
  )
}
