import type { Schedule } from '@/shared/api/model'
import { ButtonLink, Card, RowLink, TextLink, Time } from '@/shared/components'
import { CronWords, ScheduleState } from '@/shared/components/schedule-marks'

/** What runs by itself next. */
export function NextSchedules({ schedules }: { schedules: Schedule[] }) {
  return (
    <Card
      title="Next schedules"
      flush
      actions={
        <ButtonLink to="/schedules" variant="ghost" size="sm">
          All schedules
        </ButtonLink>
      }
    >
      {schedules.length === 0 ? (
        <p className="px-4 py-5 text-sm text-muted">
          Nothing runs by itself. <TextLink to="/schedules/new">Make a schedule</TextLink>
        </p>
      ) : (
        <ul className="divide-y divide-line">
          {schedules.map((schedule) => (
            <li key={schedule.id} className="px-4 py-2">
              <div className="flex items-baseline justify-between gap-3">
                <RowLink to={`/schedules/${schedule.id}`}>
                  <span className="truncate">{schedule.job_name}</span>
                </RowLink>
                <span className="shrink-0 text-xs text-muted">
                  <Time at={schedule.next_run_at} />
                </span>
              </div>
              <p className="flex items-center gap-2 text-xs text-muted">
                <span className="min-w-0 truncate">
                  <CronWords expression={schedule.cron_expression} />
                </span>
                <ScheduleState schedule={schedule} />
              </p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
