import { CircleCheck, Info } from 'lucide-react'
import { Fragment } from 'react'
import { Link } from 'react-router'
import { isLive, type Run } from '@/shared/api/model'
import { Card } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount, toBigInt } from '@/shared/lib/format'

const sum = (...counts: (number | string)[]) => counts.reduce((total, count) => total + (toBigInt(count) ?? 0n), 0n)

/** Whether every row that was read is loaded, filtered out, rejected or a duplicate. */
export function balanced(run: Run): boolean {
  return run.status === 'COMPLETED' && toBigInt(run.rows_read) === sum(run.rows_loaded, run.rows_filtered, run.rows_rejected, run.rows_deduplicated)
}

/** The line that accounts for every row: read = loaded + filtered + rejected + deduplicated. */
export function Reconciliation({ run }: { run: Run }) {
  const whole = balanced(run)
  const upserted = whole && (toBigInt(run.rows_updated) ?? 0n) > 0n
  const figures = [
    { name: 'read', value: run.rows_read, sign: '' },
    { name: 'loaded', value: run.rows_loaded, sign: '=', tone: 'text-ok-text', note: upserted ? `${formatCount(run.rows_inserted)} new, ${formatCount(run.rows_updated)} updated` : undefined },
    { name: 'filtered', value: run.rows_filtered, sign: '+' },
    { name: 'rejected', value: run.rows_rejected, sign: '+', tone: 'text-bad-text', to: `/runs/${run.id}/rejects` },
    { name: 'deduplicated', value: run.rows_deduplicated, sign: '+' },
  ]
  const said = figures.map((figure) => `${figure.sign && whole ? (figure.sign === '=' ? 'equals ' : 'plus ') : ''}${formatCount(figure.value)} ${figure.name}`).join(whole ? ' ' : ', ')
  return (
    <Card title="Rows">
      <p className="sr-only" data-testid="reconciliation">
        {said}
      </p>
      <div className="grid grid-cols-2 gap-x-2 gap-y-3 sm:flex sm:flex-wrap sm:items-start sm:gap-x-4">
        {figures.map((figure, i) => {
          const some = (toBigInt(figure.value) ?? 0n) > 0n
          const value = <span className={cn('text-xl font-semibold tracking-tight', some ? figure.tone : i > 1 && 'text-muted')}>{formatCount(figure.value)}</span>
          return (
            <Fragment key={figure.name}>
              {figure.sign && (
                <span aria-hidden className={cn('pt-0.5 text-xl text-faint max-sm:hidden', !whole && 'invisible')}>
                  {figure.sign}
                </span>
              )}
              <div className={cn('min-w-0', i === 0 && 'max-sm:col-span-2')}>
                {figure.to && some ? (
                  <Link to={figure.to} className="rounded underline decoration-bad/40 underline-offset-4 hover:decoration-bad" aria-label={`${formatCount(figure.value)} rejected: see them`}>
                    {value}
                  </Link>
                ) : (
                  value
                )}
                <p className="text-xs text-muted">{figure.name}</p>
                {figure.note && <p className="text-2xs text-muted">{figure.note}</p>}
              </div>
            </Fragment>
          )
        })}
      </div>
      <p className={cn('mt-3 flex items-start gap-1.5 border-t border-line pt-3 text-xs', whole ? 'text-ok-text' : 'text-muted')}>
        {whole ? <CircleCheck aria-hidden className="mt-px size-3.5 shrink-0" /> : <Info aria-hidden className="mt-px size-3.5 shrink-0" />}
        {whole
          ? 'Every row is accounted for; the count of the table was checked before the run was called completed.'
          : isLive(run)
            ? 'Counts so far. Rows count as loaded when they are published, all at once.'
            : 'Nothing of this run is in the table: the rows are published all at once or not at all.'}
      </p>
    </Card>
  )
}
