import type { RunItem, RunStatus } from '../api/model'
import { cn } from '../lib/cn'
import { elapsed, formatDuration, plural } from '../lib/format'

// Height tells them apart as well as colour.
const looks: Record<RunStatus, { word: string; bar: string }> = {
  COMPLETED: { word: 'completed', bar: 'h-4 bg-ok' },
  FAILED: { word: 'failed', bar: 'h-2.5 bg-bad' },
  CANCELLED: { word: 'cancelled', bar: 'h-1.5 bg-line-strong' },
  RUNNING: { word: 'running', bar: 'h-4 bg-info animate-pulse' },
  PENDING: { word: 'pending', bar: 'h-1.5 bg-line-strong' },
}

/** The last runs of a job as bars, the newest at the right; a picture with a text, and no links, which would be too small to hit. */
export function RunStrip({ runs, places = 10 }: { runs: RunItem[]; places?: number }) {
  const shown = runs.slice(0, places).toReversed()
  const counts = Object.entries(looks)
    .map(([status, { word }]) => ({ word, n: shown.filter((run) => run.status === status).length }))
    .filter(({ n }) => n > 0)
    .map(({ n, word }) => `${n} ${word}`)
  return (
    <span role="img" aria-label={shown.length === 0 ? 'No run yet' : `Last ${shown.length}: ${counts.join(', ')}`} className="inline-flex h-5 items-end gap-1 align-middle">
      {Array.from({ length: Math.max(0, places - shown.length) }, (_, i) => (
        <span key={`none-${i}`} className="size-1 rounded-full bg-line-strong/45" />
      ))}
      {shown.map((run) => (
        <span
          key={run.id}
          data-bar
          title={`Run ${run.id} ${looks[run.status].word}, ${plural(run.rows_loaded, 'row')}, ${formatDuration(elapsed(run.started_at, run.finished_at))}`}
          className={cn('w-1 rounded-full', looks[run.status].bar)}
        />
      ))}
    </span>
  )
}
