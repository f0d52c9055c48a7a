import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { toast } from 'sonner'
import { call, client } from '@/shared/api/client'
import { isLive, type Job } from '@/shared/api/model'
import { itemsOf, runsQuery, schedulesQuery } from '@/shared/api/queries'
import { ConfirmDialog, UsedBy } from '@/shared/components'
import { CronWords } from '@/shared/components/schedule-marks'
import { tableName } from '@/shared/lib/format'

/** Asks, then deletes the job; the table and its rows stay. */
export function DeleteJob({ job, open, onOpenChange, onDeleted }: { job: Job; open: boolean; onOpenChange: (open: boolean) => void; onDeleted?: () => void | Promise<void> }) {
  const queries = useQueryClient()
  const schedules = useInfiniteQuery({ ...schedulesQuery({ job_id: job.id }), enabled: open })
  const runs = useInfiniteQuery({ ...runsQuery({ job_id: job.id }, 1), enabled: open })
  const users = [
    ...itemsOf(runs.data)
      .filter(isLive)
      .map((run) => ({ to: `/runs/${run.id}`, name: `Run ${run.id}, which is not over` })),
    ...itemsOf(schedules.data).map((each) => ({
      to: `/schedules/${each.id}`,
      name: (
        <>
          The schedule “<CronWords expression={each.cron_expression} />”
        </>
      ),
    })),
  ]
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Delete “${job.name}”?`}
      action="Delete job"
      onConfirm={async () => {
        await call(client.DELETE('/api/v1/jobs/{id}', { params: { path: { id: job.id }, header: { 'If-Match': `"${job.version}"` } } }))
        toast.success(`${job.name} was deleted`)
        await onDeleted?.()
        queries.removeQueries({ queryKey: ['jobs', 'one', job.id] })
        await Promise.all([queries.invalidateQueries({ queryKey: ['jobs'] }), queries.invalidateQueries({ queryKey: ['runs'] })])
      }}
    >
      {users.length > 0 ? (
        <UsedBy lead="It cannot be deleted as long as there is this of it:" users={users} more={schedules.hasNextPage} />
      ) : (
        `Its versions, runs and their logs go with it. The table ${tableName(job)} and its rows stay as they are.`
      )}
    </ConfirmDialog>
  )
}
