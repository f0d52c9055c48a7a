import type { Schedule } from '@/shared/api/model'
import { RowLink, TextLink, Time } from '@/shared/components'
import { CronWords, ScheduleState } from '@/shared/components/schedule-marks'
import { ListCard } from './list-card'

/** What runs by itself next. */
export function NextSchedules({ schedules }: { schedules: Schedule[] }) {
  return (
    <ListCard
      title="Next schedules"
      all="All schedules"
      to="/schedules"
      none={
        <>
          Nothing runs by itself. <TextLink to="/schedules/new">Make a schedule</TextLink>
        </>
      }
      items={schedules}
      itemKey={(schedule) => schedule.id}
    >
      {(schedule) => (
        <>
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
        </>
      )}
    </ListCard>
  )
}
