import { useQueryClient } from '@tanstack/react-query'
import { useState, type ComponentProps } from 'react'
import { useNavigate } from 'react-router'
import type { Run } from '../api/model'
import { runSkipping } from '../api/run-skipping'
import { Button } from './button'
import { ConfirmDialog } from './confirm-dialog'

/** Asks, then runs the job of a failed run again with bad rows set aside, and opens the new run. */
export function RunSkipping({ run, ...rest }: { run: Run } & Pick<ComponentProps<typeof Button>, 'size' | 'variant'>) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Button {...rest} onClick={() => setAsking(true)}>
        Run again without them
      </Button>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title="Run again, with bad rows set aside?"
        action="Run without bad rows"
        danger={false}
        onConfirm={async () => {
          const started = await runSkipping(run)
          await queries.invalidateQueries({ queryKey: ['jobs'] })
          await navigate(`/runs/${started}`)
        }}
      >
        <p>The job “{run.job_name}” will skip bad rows from now on: they are kept with their reasons, the good ones are loaded.</p>
        <p className="mt-2">The bad rows can be corrected and loaded when the new run is completed.</p>
      </ConfirmDialog>
    </>
  )
}
