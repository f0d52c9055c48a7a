import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Ban, Ellipsis, Link2, RotateCw, SquareTerminal, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import { call, client } from '@/shared/api/client'
import { isLive, type Run } from '@/shared/api/model'
import { runQuery } from '@/shared/api/queries'
import { Button, ButtonLink, ConfirmDialog, ErrorPanel, Menu } from '@/shared/components'
import { RunSkipping } from '@/shared/components/run-skipping'
import { curlOf, deleteRuns, linkTo } from './links'

/** Copies a text and says so. */
export async function copied(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    toast.success(`${what} copied`)
  } catch {
    toast.error('The browser refused to copy')
  }
}

/** What can be done with a run, in the page's head. */
export function RunActions({ run }: { run: Run }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [asking, setAsking] = useState<'cancel' | 'delete' | null>(null)
  const live = isLive(run)
  const publishing = live && run.phase === 'publish'
  return (
    <>
      <ButtonLink to={`/runs/${run.id}/logs`}>Logs</ButtonLink>
      {live && (
        <Button variant="danger" aria-disabled={publishing} title={publishing ? 'The rows are being published: it is too late to cancel' : undefined} onClick={() => !publishing && setAsking('cancel')}>
          <Ban aria-hidden />
          Cancel run
        </Button>
      )}
      <Menu
        trigger={
          <Button size="icon" aria-label="More actions">
            <Ellipsis aria-hidden />
          </Button>
        }
        items={[
          { label: 'Copy link', icon: Link2, onSelect: () => void copied(linkTo(run.id), 'Link') },
          { label: 'Copy as curl', icon: SquareTerminal, onSelect: () => void copied(curlOf(run.id), 'Command') },
          null,
          { label: 'Delete run', icon: Trash2, danger: true, disabled: live, onSelect: () => setAsking('delete') },
        ]}
      />
      <ConfirmDialog
        open={asking === 'cancel'}
        onOpenChange={() => setAsking(null)}
        title={`Cancel run ${run.id}?`}
        action="Cancel run"
        dismiss="Keep running"
        onConfirm={async () => {
          const after = await call(client.POST('/api/v1/job-runs/{id}/cancel', { params: { path: { id: run.id } } }))
          queries.setQueryData(runQuery(run.id).queryKey, after)
          toast.success(`Run ${run.id} is cancelled`)
          await queries.invalidateQueries({ queryKey: ['runs'] })
        }}
      >
        <p>Nothing of this run is in the table yet, and nothing will be: the rows that are staged are dropped.</p>
        <p className="mt-2">Kept are the file, the job, the log, and the rows that were rejected so far. A cancelled run is not taken up again; run the job anew for that.</p>
      </ConfirmDialog>
      <ConfirmDialog
        open={asking === 'delete'}
        onOpenChange={() => setAsking(null)}
        title={`Delete run ${run.id}?`}
        action="Delete run"
        onConfirm={async () => {
          await deleteRuns([run.id], () => undefined)
          toast.success(`Run ${run.id} was deleted`)
          await navigate('/runs')
          queries.removeQueries({ queryKey: runQuery(run.id).queryKey })
          await queries.invalidateQueries({ queryKey: ['runs'] })
        }}
      >
        Its log and its rejected rows go with it and cannot be had back. The rows that it has loaded stay in the table.
      </ConfirmDialog>
    </>
  )
}

/** What helps a run that failed: again as it is, or anew with its bad rows set aside. */
export function Recovery({ run, badRows }: { run: Run; badRows: boolean }) {
  const queries = useQueryClient()
  const retry = useMutation({
    mutationFn: () => call(client.POST('/api/v1/job-runs/{id}/retry', { params: { path: { id: run.id } } })),
    onSuccess: async (after) => {
      queries.setQueryData(runQuery(run.id).queryKey, after)
      await queries.invalidateQueries({ queryKey: ['runs'], predicate: ({ queryKey }) => queryKey[1] !== 'log' })
    },
  })
  return (
    <>
      {badRows && (
        <ButtonLink to={`/runs/${run.id}/rejects`} size="sm" variant="primary">
          See the rejected rows
        </ButtonLink>
      )}
      {badRows && <RunSkipping run={run} size="sm" />}
      <Button size="sm" busy={retry.isPending} onClick={() => retry.mutate()}>
        {!retry.isPending && <RotateCw aria-hidden />}
        Retry
      </Button>
      {retry.error && <ErrorPanel error={retry.error} className="order-last w-full" />}
    </>
  )
}
