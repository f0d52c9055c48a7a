import { useQueryClient } from '@tanstack/react-query'
import { toast } from 'sonner'
import { call, client } from '@/shared/api/client'
import type { Job } from '@/shared/api/model'
import { ConfirmDialog } from '@/shared/components'
import { tableName } from '@/shared/lib/format'

/** Asks, then deletes the job; the table and its rows stay. */
export function DeleteJob({ job, open, onOpenChange, onDeleted }: { job: Job; open: boolean; onOpenChange: (open: boolean) => void; onDeleted?: () => void | Promise<void> }) {
  const queries = useQueryClient()
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
      Its versions, runs and their logs go with it. The table {tableName(job)} and its rows stay as they are.
    </ConfirmDialog>
  )
}
