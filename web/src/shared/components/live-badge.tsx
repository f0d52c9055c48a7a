import { cn } from '../lib/cn'

export type Liveness = 'live' | 'reconnecting' | 'polling' | 'ended'

const looks: Record<Liveness, { label: string; hint: string; dot: string }> = {
  live: { label: 'Live', hint: 'Changes arrive as they happen', dot: 'bg-ok' },
  reconnecting: { label: 'Reconnecting', hint: 'The connection was lost; it is being made again', dot: 'bg-warn' },
  polling: { label: 'Polling', hint: 'Streams do not pass here; the page asks every few seconds', dot: 'bg-info' },
  ended: { label: 'Ended', hint: 'Nothing changes any more', dot: 'bg-line-strong' },
}

/** How fresh what one sees is; a change is said politely. */
export function LiveBadge({ state }: { state: Liveness }) {
  const look = looks[state]
  return (
    <span role="status" title={look.hint} className="inline-flex h-5.5 items-center gap-1.5 rounded-full border border-line bg-surface px-2 text-xs font-medium text-muted">
      <span aria-hidden data-status-dot className="relative grid size-2 place-items-center">
        {state === 'live' && <span className={cn('absolute size-2 animate-ping rounded-full opacity-60', look.dot)} />}
        <span className={cn('size-2 rounded-full', look.dot)} />
      </span>
      {look.label}
    </span>
  )
}
