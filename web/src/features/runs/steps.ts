import type { Run } from '@/shared/api/model'
import { formatCount, plural, toBigInt } from '@/shared/lib/format'

export type StepState = 'waiting' | 'current' | 'done' | 'failed' | 'stopped'

export interface Step {
  name: string
  state: StepState
  note: string
}

const names = ['Inspect', 'Plan', 'Load', 'Publish', 'Verify'] as const
const doing = [
  'Checking the file and the table',
  'Cutting the file into chunks',
  'Converting and staging rows',
  'Making the rows visible, all at once',
  'Comparing the counts',
] as const
const did = ['The file and the table fit', '', 'All rows are converted', 'All rows became visible at once', 'Every row is accounted for'] as const

/** Whether a run was completed without a row in the table because of the rows that it rejected. */
export function loadedNothing(run: Run): boolean {
  return run.status === 'COMPLETED' && toBigInt(run.rows_loaded) === 0n && (toBigInt(run.rows_rejected) ?? 0n) > 0n
}

/** What a step that is done has done. */
function didOf(run: Run, i: number): string {
  if (i === 1) return planned(run)
  if (loadedNothing(run) && i === 2) return 'No row was left to load'
  if (loadedNothing(run) && i === 3) return toBigInt(run.rows_rejected) === toBigInt(run.rows_read) ? 'Nothing to publish: every row was rejected' : 'Nothing to publish: every row was rejected or left out'
  return did[i] ?? ''
}

/** Where a run stands, as an index of its steps. */
function position(run: Run): number {
  if (run.phase === 'plan') return run.chunks_total > 0 ? 1 : 0
  if (run.phase === 'load') return 2
  if (run.phase === 'publish') return run.error?.code === 'counts_differ' ? 4 : 3
  return names.length
}

/** A run's five steps. What has failed or was cancelled stands at the step where it was. */
export function stepsOf(run: Run): Step[] {
  const at = run.status === 'COMPLETED' ? names.length : run.status === 'PENDING' && run.chunks_total === 0 ? 0 : position(run)
  return names.map((name, i) => {
    if (i < at) return { name, state: 'done', note: didOf(run, i) }
    if (i > at) return { name, state: 'waiting', note: '' }
    if (run.status === 'FAILED') return { name, state: 'failed', note: 'Failed here' }
    if (run.status === 'CANCELLED') return { name, state: 'stopped', note: 'Cancelled here' }
    if (run.status === 'PENDING') return { name, state: 'waiting', note: 'Waits for its turn' }
    const chunks = i === 2 && run.chunks_total > 1 ? `${formatCount(run.chunks_done)} of ${plural(run.chunks_total, 'chunk')}` : ''
    return { name, state: 'current', note: chunks || doing[i] || '' }
  })
}

function planned(run: Run): string {
  return run.chunks_total > 1 ? plural(run.chunks_total, 'chunk') : 'In one piece'
}
