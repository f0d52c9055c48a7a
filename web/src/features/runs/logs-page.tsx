import { useQueryClient } from '@tanstack/react-query'
import { ArrowDownToLine, Download, ScrollText } from 'lucide-react'
import { useMemo, useState } from 'react'
import * as z from 'zod'
import { isLive } from '@/shared/api/model'
import { Button, ById, Card, Checkbox, CopyButton, EmptyState, ErrorPanel, Input, LiveBadge, PageHeader, Select, SkeletonLines, StatusBadge } from '@/shared/components'
import { plural } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { viewerZone } from '@/shared/lib/time'
import { textOf } from './log-line'
import { LogView } from './log-view'
import { levels, loadOlder, logsAfter } from './queries'
import { save } from '@/shared/lib/save'
import { useLiveRun } from './use-live-run'

const view = z.object({
  level: z.enum(['debug', 'info', 'warn', 'error']).catch('debug'),
  q: z.string().catch(''),
})
const labels = { debug: 'All levels', info: 'Info and above', warn: 'Warnings and errors', error: 'Errors only' }

export function LogsPage() {
  return <ById param="runId">{(id) => <LogsOf id={id} />}</ById>
}

function LogsOf({ id }: { id: number }) {
  const queries = useQueryClient()
  const [{ level, q }, setState] = useSearchState(view)
  const { run, log, liveness } = useLiveRun(id, level)
  const [follow, setFollow] = useState(true)
  const [older, setOlder] = useState(false)
  const [saving, setSaving] = useState(false)
  const [failure, setFailure] = useState<unknown>(null)
  const entries = log.data?.entries
  const shown = useMemo(() => {
    const needle = q.toLowerCase()
    return needle ? (entries ?? []).filter((entry) => textOf(entry).toLowerCase().includes(needle)) : (entries ?? [])
  }, [entries, q])
  const live = run.data !== undefined && isLive(run.data)
  const error = run.error ?? log.error

  const fetchOlder = async () => {
    if (older) return
    setOlder(true)
    setFailure(null)
    try {
      await loadOlder(queries, id, level)
    } catch (cause) {
      setFailure(cause)
    } finally {
      setOlder(false)
    }
  }
  const download = async () => {
    setSaving(true)
    setFailure(null)
    try {
      const all = await logsAfter(id, 0)
      save(`run-${id}.log`, 'text/plain', all.map((entry) => `${textOf(entry)}\n`).join(''))
    } catch (cause) {
      setFailure(cause)
    } finally {
      setSaving(false)
    }
  }

  return (
    <>
      <PageHeader
        title={`Log of run ${id}`}
        crumbs={[{ label: 'Runs', to: '/runs' }, { label: run.data ? `Run ${id}, ${run.data.job_name}` : `Run ${id}`, to: `/runs/${id}` }]}
        badge={
          run.data && (
            <>
              <StatusBadge status={run.data.status} />
              {live && <LiveBadge state={liveness} />}
            </>
          )
        }
        actions={
          <>
            <CopyButton size="md" label="Copy lines" text={() => shown.map(textOf).join('\n')} />
            <Button busy={saving} onClick={() => void download()}>
              {!saving && <Download aria-hidden />}
              Download log
            </Button>
          </>
        }
      />
      {failure !== null && <ErrorPanel error={failure} className="mb-4" />}
      {!entries ? (
        error ? (
          <ErrorPanel error={error} onRetry={() => void Promise.all([run.refetch(), log.refetch()])} retrying={run.isFetching || log.isFetching} />
        ) : (
          <SkeletonLines lines={10} />
        )
      ) : (
        <Card flush>
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line px-4 py-2.5">
            <Input type="search" aria-label="Search the lines" placeholder="Search the lines" value={q} onChange={(event) => setState({ q: event.target.value })} className="w-full sm:w-64" />
            <Select aria-label="Level" value={level} onChange={(event) => setState({ level: view.shape.level.parse(event.target.value) })} className="w-44">
              {levels.map((each) => (
                <option key={each} value={each}>
                  {labels[each]}
                </option>
              ))}
            </Select>
            <Checkbox label="Follow the end" checked={follow} onChange={(event) => setFollow(event.target.checked)} />
            <p role="status" className="text-xs text-muted sm:ml-auto">
              {q ? `${plural(shown.length, 'line')} of ${plural(entries.length, 'loaded line')}` : plural(entries.length, 'line')}
              {log.data?.earlier ? ', there are older ones' : ''} · times in {viewerZone}
            </p>
          </div>
          {shown.length === 0 ? (
            q ? (
              <EmptyState icon={ScrollText} title="No loaded line has that" action={<Button onClick={() => setState({ q: '' })}>Clear the search</Button>}>
                {log.data?.earlier && (
                  <Button size="sm" variant="ghost" busy={older} onClick={() => void fetchOlder()}>
                    Load older lines
                  </Button>
                )}
              </EmptyState>
            ) : (
              <EmptyState icon={ScrollText} title={level === 'debug' ? 'Nothing is logged yet' : 'No line of this level'} action={level !== 'debug' && <Button onClick={() => setState({ level: 'debug' })}>Show all levels</Button>} />
            )
          ) : (
            <LogView entries={shown} search={q} follow={follow} onFollow={setFollow} earlier={log.data?.earlier ?? false} older={older} onOlder={() => void fetchOlder()} />
          )}
          {!follow && shown.length > 0 && (
            <div className="flex justify-center border-t border-line py-1.5">
              <Button size="sm" variant="ghost" onClick={() => setFollow(true)}>
                <ArrowDownToLine aria-hidden />
                To the end
              </Button>
            </div>
          )}
        </Card>
      )}
    </>
  )
}
