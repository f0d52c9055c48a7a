import { useQuery } from '@tanstack/react-query'
import { Grid3x3, Table2 } from 'lucide-react'
import { useState } from 'react'
import { isLive, type Run } from '@/shared/api/model'
import type { components } from '@/shared/api/schema'
import { Badge, Button, Bytes, Card, Count, DataTable, ErrorPanel, type DataColumn, type Tone } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatBytes, formatCount, plural } from '@/shared/lib/format'
import { chunksQuery } from './queries'

type Chunk = components['schemas']['Chunk']
/** What of an ended run is not loaded never will be. */
type State = Chunk['state'] | 'left'

// Each state has a shape of its own beside its colour.
const looks: Record<State, { word: string; cell: string; tone: Tone }> = {
  loaded: { word: 'loaded', cell: 'bg-ok', tone: 'ok' },
  loading: { word: 'loading', cell: 'border-2 border-info bg-info-soft motion-safe:animate-pulse', tone: 'info' },
  waiting: { word: 'waiting', cell: 'border border-line-strong bg-surface', tone: 'neutral' },
  left: { word: 'not loaded', cell: 'border border-dashed border-line-strong bg-sunken', tone: 'neutral' },
  failed: { word: 'failed', cell: 'rounded-full bg-bad', tone: 'bad' },
}
const order: State[] = ['loaded', 'loading', 'waiting', 'left', 'failed']
type Shown = Omit<Chunk, 'state'> & { state: State }
/** More cells than that nobody tells apart: neighbours share one. */
const cells = 600

const columns: DataColumn<Shown>[] = [
  { id: 'number', header: 'Chunk', cell: (chunk) => formatCount(chunk.number + 1), sort: (chunk) => chunk.number, align: 'right', width: '5rem' },
  { id: 'state', header: 'State', cell: (chunk) => <Badge tone={looks[chunk.state].tone}>{looks[chunk.state].word}</Badge>, sort: (chunk) => chunk.state },
  { id: 'line', header: 'First line', cell: (chunk) => <Count value={chunk.first_line} />, sort: (chunk) => chunk.first_line, align: 'right' },
  { id: 'read', header: 'Read', cell: (chunk) => <Count value={chunk.rows_read} />, sort: (chunk) => chunk.rows_read, align: 'right' },
  { id: 'rejected', header: 'Rejected', cell: (chunk) => <Count value={chunk.rows_rejected} />, sort: (chunk) => chunk.rows_rejected, align: 'right' },
  { id: 'size', header: 'Size', cell: (chunk) => <Bytes value={chunk.end_byte - chunk.start_byte} />, sort: (chunk) => chunk.end_byte - chunk.start_byte, align: 'right', from: 'sm' },
  { id: 'tries', header: 'Tries', cell: (chunk) => formatCount(chunk.attempt), sort: (chunk) => chunk.attempt, align: 'right', from: 'sm' },
  { id: 'error', header: 'Error', cell: (chunk) => chunk.error?.message ?? '', from: 'md' },
]

/** The worst of several states: what a cell of many chunks shows. */
function together(chunks: Shown[]): State {
  return (['failed', 'left', 'loading', 'waiting'] as const).find((state) => chunks.some((chunk) => chunk.state === state)) ?? 'loaded'
}

function inCells(chunks: Shown[]): { state: State; title: string }[] {
  const size = Math.ceil(chunks.length / cells)
  return Array.from({ length: Math.ceil(chunks.length / size) }, (_, i) => {
    const some = chunks.slice(i * size, (i + 1) * size)
    const [first, last] = [some[0], some.at(-1)]
    const name = first === last || !last ? `Chunk ${(first?.number ?? 0) + 1}` : `Chunks ${(first?.number ?? 0) + 1} to ${last.number + 1}`
    const state = together(some)
    return { state, title: `${name}: ${looks[state].word}, from line ${formatCount(first?.first_line)}, ${formatBytes((last?.end_byte ?? 0) - (first?.start_byte ?? 0))}${first?.error ? `\n${first.error.message}` : ''}` }
  })
}

/** The file as its chunks, and how far each has come; the same as a table a press away. */
export function ChunkMap({ run }: { run: Run }) {
  const query = useQuery(chunksQuery(run))
  const [table, setTable] = useState(false)
  const chunks = query.data
  const live = isLive(run)
  const items = (chunks?.items ?? []).map((chunk): Shown => (live || chunk.state === 'loaded' || chunk.state === 'failed' ? chunk : { ...chunk, state: 'left' }))
  const { loaded = 0, loading = 0, waiting = 0, failed = 0 } = chunks ?? {}
  const numbers: Record<State, number> = live ? { loaded, loading, waiting, left: 0, failed } : { loaded, loading: 0, waiting: 0, left: loading + waiting, failed }
  const counts = order.map((state) => ({ state, n: numbers[state] })).filter(({ n }) => n > 0)
  const summary = counts.map(({ state, n }) => `${formatCount(n)} ${looks[state].word}`).join(', ')
  return (
    <Card
      title="Chunks"
      description={items.length > 0 ? `${plural(items.length, 'part')} of the file` : undefined}
      flush={table}
      actions={
        items.length > 0 && (
          <Button variant="ghost" size="sm" aria-pressed={table} onClick={() => setTable(!table)}>
            {table ? <Grid3x3 aria-hidden /> : <Table2 aria-hidden />}
            {table ? 'View as map' : 'View as table'}
          </Button>
        )
      }
    >
      {query.error ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      ) : items.length === 0 ? (
        <p className="text-sm text-muted">{live ? 'The file is cut into chunks when the run is planned.' : 'The run ended before its file was cut into chunks.'}</p>
      ) : table ? (
        <div className="max-h-80 overflow-y-auto" tabIndex={0} role="region" aria-label="Chunks as a table">
          <DataTable caption="Chunks" columns={columns} rows={items} rowKey={(chunk) => chunk.number} />
        </div>
      ) : (
        <>
          <div role="img" aria-label={`Chunk map: ${summary}`} className={cn('grid gap-1', items.length < 24 ? 'grid-cols-[repeat(auto-fit,minmax(2rem,1fr))]' : 'grid-cols-[repeat(auto-fill,minmax(0.75rem,1fr))]')}>
            {inCells(items).map(({ state, title }, i) => (
              <span key={i} data-bar title={title} className={cn('h-4 rounded-[3px]', looks[state].cell)} />
            ))}
          </div>
          <ul className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
            {counts.map(({ state, n }) => (
              <li key={state} className="flex items-center gap-1.5">
                <span aria-hidden data-bar className={cn('size-3 rounded-[3px]', looks[state].cell)} />
                {formatCount(n)} {looks[state].word}
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  )
}
