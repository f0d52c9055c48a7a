import type { UseQueryResult } from '@tanstack/react-query'
import { CalendarClock, Clock, TriangleAlert } from 'lucide-react'
import type { SchedulePreview } from '@/shared/api/model'
import { Card, ErrorPanel, SkeletonLines, Time } from '@/shared/components'
import { CronWords } from '@/shared/components/schedule-marks'
import { cn } from '@/shared/lib/cn'
import { formatDuration, sentence } from '@/shared/lib/format'
import { viewerZone } from '@/shared/lib/time'
import { useNow } from '@/shared/lib/use-now'
import { knowsZone } from './zoned'

/** What an expression does: in words, its next ten times by two clocks, and what is to be thought of. */
export function Upcoming({ expression, zone, query, className }: { expression: string; zone: string; query: UseQueryResult<SchedulePreview>; className?: string }) {
  const { data, error } = query
  // While a new answer is on its way, data is of the question before.
  const readable = knowsZone(zone) && data?.valid !== false
  return (
    <Card className={className} flush>
      <div className="border-b border-line px-4 py-3">
        <h2 className="text-xs font-medium text-muted">What it does</h2>
        <p data-testid="words" className="mt-0.5 text-base font-semibold break-words">
          {readable ? <CronWords expression={expression} /> : 'It cannot be read yet'}
        </p>
        <p className="mt-0.5 flex flex-wrap gap-x-2 text-xs text-muted">
          <code className="font-mono">{expression}</code>
          <span>{zone}</span>
        </p>
      </div>
      {error && !data && <ErrorPanel error={error} className="m-4" onRetry={() => void query.refetch()} retrying={query.isFetching} />}
      {!data && !error && <SkeletonLines lines={8} />}
      {readable && data?.warning && <Conflict preview={data} />}
      {readable && data && <Times preview={data} zone={zone} stale={query.isPlaceholderData} />}
      {!readable && <p className="px-4 py-5 text-sm text-muted">Its next times are shown here once every field and the zone can be read.</p>}
    </Card>
  )
}

function Conflict({ preview }: { preview: SchedulePreview }) {
  return (
    <div role="status" className="flex gap-2.5 border-b border-line bg-warn-soft px-4 py-3 text-sm">
      <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warn-text" />
      <div className="min-w-0">
        <p className="font-medium text-warn-text">It fires more often than the job ends</p>
        <p className="text-xs break-words">
          Its runs take {formatDuration((preview.average_run_seconds ?? 0) * 1000)} on average, and there are as little as {formatDuration((preview.shortest_interval_seconds ?? 0) * 1000)} between two times. “While a run is under way” decides what happens then.
        </p>
      </div>
    </div>
  )
}

const year = (at: string | number, zone: string) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric' }).format(new Date(at))
const day = (at: string, zone: string, years: boolean) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', day: 'numeric', month: 'short', ...(years ? { year: 'numeric' } : {}) }).format(new Date(at))
const clock = (at: string, zone: string) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' }).format(new Date(at))

function Times({ preview, zone, stale }: { preview: SchedulePreview; zone: string; stale: boolean }) {
  // Where both are the same, UTC says more than saying it twice.
  const second = zone === viewerZone ? 'UTC' : viewerZone
  const same = zone === second
  const first = preview.next[0]
  const now = useNow(false)
  const years = preview.next.some(({ at }) => year(at, zone) !== year(now, zone))
  if (!first) return <p className="px-4 py-5 text-sm text-muted">It has no time between its beginning and its end.</p>
  return (
    <div className={cn(stale && 'opacity-60')}>
      <p className="flex items-center gap-2 px-4 pt-3 text-sm">
        <CalendarClock aria-hidden className="size-4 shrink-0 text-accent-text" />
        <span>
          Next <Time at={first.at} />
        </span>
      </p>
      <table className="mt-2 w-full text-xs" data-testid="next">
        <caption className="sr-only">The next {preview.next.length} times</caption>
        <thead>
          <tr className="border-y border-line bg-sunken text-left text-muted">
            <th scope="col" className="h-7 py-1 pr-2 pl-4 font-medium">
              {zone.replaceAll('_', ' ')}
              {zone === viewerZone && <span className="font-normal">, as yours</span>}
            </th>
            {!same && (
              <th scope="col" className="py-1 pr-4 pl-2 font-medium">
                {second === viewerZone ? `Yours, ${viewerZone.replaceAll('_', ' ')}` : second}
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {preview.next.map(({ at, note }) => (
            <tr key={at} className="border-b border-line align-top last:border-0">
              <td className="py-1.5 pr-2 pl-4">
                <Moment at={at} zone={zone} years={years} />
                {note && (
                  <p className="mt-1 flex gap-1.5 rounded-md bg-warn-soft px-2 py-1 text-warn-text">
                    <Clock aria-hidden className="mt-0.5 size-3 shrink-0" />
                    <span>{sentence(note)}</span>
                  </p>
                )}
              </td>
              {!same && (
                <td className="py-1.5 pr-4 pl-2 text-muted">
                  <Moment at={at} zone={second} years={years} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Moment({ at, zone, years }: { at: string; zone: string; years: boolean }) {
  return (
    <time dateTime={at} className={cn('flex gap-x-2', years ? 'flex-col' : 'flex-wrap')}>
      <span className="whitespace-nowrap">{day(at, zone, years)}</span>
      <span className="font-medium whitespace-nowrap tabular">{clock(at, zone)}</span>
    </time>
  )
}
