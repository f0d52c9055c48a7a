import { useQueryClient } from '@tanstack/react-query'
import { toast } from 'sonner'
import { call, client } from '../api/client'
import type { Schedule } from '../api/model'
import { ConfirmDialog } from './confirm-dialog'
import { CronWords } from './schedule-marks'

/** Asks before a schedule is deleted, and deletes it. */
export function DeleteSchedule({ schedule, open, onOpenChange, onDeleted }: { schedule: Schedule; open: boolean; onOpenChange: (open: boolean) => void; onDeleted?: () => void | Promise<void> }) {
  const queries = useQueryClient()
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Delete the schedule of “${schedule.job_name}”?`}
      action="Delete schedule"
      onConfirm={async () => {
        await call(client.DELETE('/api/v1/schedules/{id}', { params: { path: { id: schedule.id }, header: { 'If-Match': `"${schedule.version}"` } } }))
        toast.success('The schedule was deleted')
        await onDeleted?.()
        queries.removeQueries({ queryKey: ['schedules', 'one', schedule.id] })
        await Promise.all([queries.invalidateQueries({ queryKey: ['schedules'] }), queries.invalidateQueries({ queryKey: ['runs', 'summary'] })])
      }}
    >
      <p>
        “<CronWords expression={schedule.cron_expression} />” ({schedule.timezone}) fires no more. The job and the runs that it made stay.
      </p>
      {schedule.enabled && <p className="mt-2">To stop it for a while, switch it off instead.</p>}
    </ConfirmDialog>
  )
}
