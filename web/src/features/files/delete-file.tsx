import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { toast } from 'sonner'
import { call, client } from '@/shared/api/client'
import { itemsOf, jobsQuery } from '@/shared/api/queries'
import { ConfirmDialog, UsedBy } from '@/shared/components'
import { plural } from '@/shared/lib/format'

/** Asks before a file is deleted, and names the jobs that keep it from being so. */
export function DeleteFile({ file, onClose, onDeleted }: { file: { file_id: string; filename: string; version: number }; onClose: () => void; onDeleted?: () => Promise<void> | void }) {
  const queries = useQueryClient()
  const jobs = useInfiniteQuery(jobsQuery({ file_id: file.file_id }))
  const users = itemsOf(jobs.data)
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Delete “${file.filename}”?`}
      action="Delete file"
      onConfirm={async () => {
        await call(client.DELETE('/api/v1/sources/csv/{file_id}', { params: { path: { file_id: file.file_id }, header: { 'If-Match': `"${file.version}"` } } }))
        toast.success(`${file.filename} was deleted`)
        await onDeleted?.()
        queries.removeQueries({ queryKey: ['sources', 'one', file.file_id] })
        await queries.invalidateQueries({ queryKey: ['sources', 'list'] })
      }}
    >
      {users.length === 0 ? (
        'Its bytes and all that was found out about it go. What was loaded from it stays in its tables.'
      ) : (
        <UsedBy lead={`${plural(users.length, 'job loads', 'jobs load')} it, and it cannot be deleted while one does:`} users={users.map((job) => ({ to: `/jobs/${job.id}`, name: job.name }))} more={jobs.hasNextPage} />
      )}
    </ConfirmDialog>
  )
}
