import { CircleX, Gauge, Layers, ListChecks, Rows3, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { Summary } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { formatBytes, formatCount, formatShare, plural } from '@/shared/lib/format'
import { searchOf } from '@/shared/lib/search-state'
import { formatRelative } from '@/shared/lib/time'

function Figure({ to, icon: Icon, label, value, note, tone }: { to: string; icon: LucideIcon; label: string; value: ReactNode; note: ReactNode; tone?: 'bad' | 'warn' | 'info' }) {
  return (
    <Link to={to} className="group flex min-w-0 flex-col bg-surface px-4 py-3.5 transition-colors hover:bg-hover focus-visible:-outline-offset-2">
      <span className="flex items-center gap-1.5 text-xs font-medium text-muted">
        <Icon aria-hidden className={cn('size-3.5', tone === 'bad' && 'text-bad-text', tone === 'warn' && 'text-warn-text', tone === 'info' && 'text-info-text')} />
        {label}
      </span>{' '}
      <span className={cn('mt-1 truncate text-xl font-semibold tracking-tight', tone === 'bad' && 'text-bad-text', tone === 'warn' && 'text-warn-text')}>{value}</span>{' '}
      <span className="mt-0.5 truncate text-xs text-muted">{note}</span>
    </Link>
  )
}

/** What needs me, and how it goes; every number opens the list behind it. */
export function Figures({ summary, window }: { summary: Summary; window: string }) {
  const { since } = summary
  const waiting = summary.chunks_waiting + summary.runs_pending
  const rejects = summary.reject_rate ?? 0
  return (
    <section aria-label="Figures" className="mb-5 grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line shadow-card md:grid-cols-5 max-md:[&>:last-child]:col-span-2">
      <Figure
        to={`/runs${searchOf({ status: 'FAILED', since })}`}
        icon={CircleX}
        label="Failed runs"
        value={formatCount(summary.runs_failed)}
        note={`of ${plural(summary.runs_failed + summary.runs_completed + summary.runs_cancelled, 'run')} in ${window}`}
        tone={summary.runs_failed > 0 ? 'bad' : undefined}
      />
      <Figure
        to="/runs?status=RUNNING"
        icon={ListChecks}
        label="Running now"
        value={formatCount(summary.runs_running)}
        note={summary.oldest_pending_since ? `one waits since ${formatRelative(summary.oldest_pending_since)}` : `${formatCount(summary.runs_pending)} waiting to start`}
        tone={summary.runs_running > 0 ? 'info' : undefined}
      />
      <Figure to={`/runs${searchOf({ status: 'COMPLETED', since })}`} icon={Rows3} label="Rows loaded" value={formatCount(summary.rows_loaded)} note={`${formatBytes(summary.bytes)} of files read`} />
      <Figure
        to={`/runs${searchOf({ since })}`}
        icon={Gauge}
        label="Reject rate"
        value={formatShare(summary.reject_rate)}
        note={`${plural(summary.rows_rejected, 'row')} rejected`}
        tone={rejects > 0.01 ? 'warn' : undefined}
      />
      <Figure to="/runs?status=PENDING" icon={Layers} label="Queue" value={formatCount(waiting)} note={waiting === 0 ? 'nothing waits' : `${plural(summary.chunks_waiting, 'chunk')} without a loader`} />
    </section>
  )
}
