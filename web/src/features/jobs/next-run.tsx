import { PauseCircle } from 'lucide-react'
import { Badge, Time } from '@/shared/components'
import { ScheduleState } from '@/shared/components/schedule-marks'
import type { Plan } from './job-schedules'

/** When a job runs by itself next: paused where all of its schedules are. */
export function NextRun({ plan }: { plan: Plan }) {
  if (plan.total === 0) return <span className="text-xs text-muted">no schedule</span>
  if (plan.off === plan.total) return (
      <span className="flex">
        <Badge icon={PauseCircle}>Paused</Badge>
      </span>
    )
  return (
    <span className="inline-flex flex-wrap items-center gap-x-2 gap-y-0.5">
      {plan.next ? <Time at={plan.next} /> : <span className="text-xs text-muted">no more times</span>}
      {plan.off > 0 && (
        <span className="text-xs whitespace-nowrap text-muted">
          {plan.off} of {plan.total} paused
        </span>
      )}
      {plan.trouble && <ScheduleState schedule={plan.trouble} />}
    </span>
  )
}
