import { CircleX, Info, TriangleAlert } from 'lucide-react'
import type { LogEntry } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { formatMoment, formatUtc, viewerZone } from '@/shared/lib/time'
import type { Level } from './queries'

const looks: Record<Level, { icon?: typeof Info; tone: string }> = {
  debug: { tone: 'text-faint' },
  info: { icon: Info, tone: 'text-info-text' },
  warn: { icon: TriangleAlert, tone: 'text-warn-text' },
  error: { icon: CircleX, tone: 'text-bad-text' },
}
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23', timeZone: viewerZone, timeZoneName: 'short' })

/** A log entry as a line of text, for copying and for files. */
export function textOf(entry: LogEntry): string {
  const attributes = entry.attributes && Object.keys(entry.attributes).length > 0 ? ` ${JSON.stringify(entry.attributes)}` : ''
  return `${entry.at} ${entry.level.toUpperCase().padEnd(5)} ${entry.message}${attributes}`
}

/** A line of a log; what is searched for is marked. */
export function LogLine({ entry, search = '' }: { entry: LogEntry; search?: string }) {
  const { icon: Icon, tone } = looks[entry.level]
  const attributes = Object.entries(entry.attributes ?? {})
  return (
    <div className={cn('flex items-start gap-x-3 px-4 py-1 font-mono text-xs leading-4 max-sm:flex-wrap', entry.level === 'error' && 'bg-bad-soft', entry.level === 'warn' && 'bg-warn-soft/60')}>
      <time dateTime={entry.at} title={`${formatMoment(entry.at)} (${viewerZone})\n${formatUtc(entry.at)}`} className="shrink-0 text-muted">
        {clock.format(new Date(entry.at))}
      </time>
      <span className={cn('flex w-14 shrink-0 items-center gap-1', tone)}>
        {Icon && <Icon aria-hidden className="size-3 shrink-0" />}
        {entry.level}
      </span>
      <span className="min-w-0 flex-1 break-words max-sm:basis-full">
        <Marked text={entry.message} search={search} />
        {attributes.length > 0 && (
          <details className="mt-0.5 text-muted">
            <summary className="inline-block min-h-6 rounded leading-6 select-none hover:text-text">details</summary>
            <pre className="overflow-x-auto whitespace-pre-wrap">{JSON.stringify(entry.attributes, null, 2)}</pre>
          </details>
        )}
      </span>
    </div>
  )
}

function Marked({ text, search }: { text: string; search: string }) {
  if (!search) return <>{text}</>
  const found: React.ReactNode[] = []
  const lower = text.toLowerCase()
  const needle = search.toLowerCase()
  let from = 0
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
    found.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + needle.length)}</mark>)
    from = at + needle.length
  }
  return (
    <>
      {found}
      {text.slice(from)}
    </>
  )
}
