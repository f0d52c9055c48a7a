import { CalendarX, CircleX, ClockAlert, PauseCircle, SkipForward, TriangleAlert } from 'lucide-react'
import type { Schedule } from '../api/model'
import { useCronWords } from '../lib/cron-words'
import { sentence } from '../lib/format'
import { RowLink } from './row-link'
import { Badge, StatusBadge } from './status-badge'
import { Time } from './values'

/** An expression in words; the expression itself until they are there, or where there are none. */
export function CronWords({ expression }: { expression: string }) {
  return <>{useCronWords(expression) ?? expression}</>
}

/** Whether a schedule fires as it should; nothing where it does. */
export function ScheduleState({ schedule }: { schedule: Pick<Schedule, 'state' | 'state_reason'> }) {
  if (schedule.state === 'active') return null
  const broken = schedule.state === 'broken'
  return (
    <span title={sentence(schedule.state_reason)} className="inline-flex">
      <Badge tone={broken ? 'bad' : 'warn'} icon={broken ? TriangleAlert : ClockAlert}>
        {broken ? 'Broken' : 'Pending'}
      </Badge>
    </span>
  )
}

const outcomes = {
  skipped: { label: 'Skipped', tone: 'warn', icon: SkipForward },
  missed: { label: 'Missed', tone: 'warn', icon: CalendarX },
  failed: { label: 'Not started', tone: 'bad', icon: CircleX },
} as const

/** What became of the last time: its run and how that went, or why there was none. */
export function LastFiring({ schedule }: { schedule: Pick<Schedule, 'last_run_at' | 'last_run' | 'last_outcome' | 'last_reason'> }) {
  const { last_run_at: at, last_run: run, last_outcome: outcome, last_reason: reason } = schedule
  if (!at || outcome === '') return <span className="text-xs text-muted">not yet</span>
  const look = outcome === 'started' ? null : outcomes[outcome]
  return (
    <span className="inline-flex flex-wrap items-center gap-x-2 gap-y-0.5" title={reason ? sentence(reason) : undefined}>
      {run ? (
        <RowLink to={`/runs/${run.id}`}>
          <StatusBadge status={run.status} />
          <span className="sr-only"> run {run.id}</span>
        </RowLink>
      ) : look ? (
        <Badge tone={look.tone} icon={look.icon}>
          {look.label}
        </Badge>
      ) : (
        <Badge>Run deleted</Badge>
      )}
      <span className="text-xs text-muted">
        <Time at={at} />
      </span>
    </span>
  )
}

/** When a schedule fires next; an off one is off. */
export function NextFiring({ schedule }: { schedule: Pick<Schedule, 'enabled' | 'next_run_at'> }) {
  if (!schedule.enabled) return <Badge icon={PauseCircle}>Off</Badge>
  if (!schedule.next_run_at) return <span className="text-xs text-muted">no more times</span>
  return <Time at={schedule.next_run_at} />
}
