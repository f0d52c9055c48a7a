import { elapsed, formatBytes, formatCompact, formatCount, formatDuration, formatShare, type Count as CountValue } from '../lib/format'
import { formatMoment, formatRelative, formatUtc, viewerZone } from '../lib/time'
import { useNow } from '../lib/use-now'

/** A moment: how long ago, with the viewer's time and zone and UTC on hover; `absolute` shows date and zone. */
export function Time({ at, absolute, zone = viewerZone }: { at: string | null | undefined; absolute?: boolean; zone?: string }) {
  const now = useNow(!absolute && Boolean(at))
  if (!at) return <span className="text-faint">–</span>
  return (
    <time dateTime={at} title={`${formatMoment(at, zone)} (${zone})\n${formatUtc(at)}`} className={absolute ? undefined : 'whitespace-nowrap'}>
      {absolute ? formatMoment(at, zone) : formatRelative(at, now)}
    </time>
  )
}

/** A count, exact; compact ones have the exact one on hover. */
export function Count({ value, compact }: { value: CountValue | null | undefined; compact?: boolean }) {
  return (
    <span className="tabular" title={compact ? formatCount(value) : undefined}>
      {compact ? formatCompact(value) : formatCount(value)}
    </span>
  )
}

/** Bytes in units of 1024, exact on hover. */
export function Bytes({ value }: { value: CountValue | null | undefined }) {
  return (
    <span className="tabular whitespace-nowrap" title={`${formatCount(value)} bytes`}>
      {formatBytes(value)}
    </span>
  )
}

/** A span of time: of milliseconds, or from a start to an end; without an end it counts on. */
export function Duration(props: { ms: number | null } | { from: string | null | undefined; to?: string | null }) {
  const running = 'from' in props && Boolean(props.from) && !props.to
  const now = useNow(running)
  return <span className="tabular whitespace-nowrap">{formatDuration('ms' in props ? props.ms : elapsed(props.from, props.to, now))}</span>
}

/** A share of 1 in percent. */
export function Share({ value }: { value: number | null | undefined }) {
  return <span className="tabular whitespace-nowrap">{formatShare(value)}</span>
}
