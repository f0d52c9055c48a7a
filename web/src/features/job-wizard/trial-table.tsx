import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Badge, Button, Card, ErrorPanel, SkeletonLines, Visible } from '@/shared/components'
import { formatCount, plural } from '@/shared/lib/format'
import { Cell } from './column-editor'
import type { Trial } from './queries'
import { useTrial } from './use-trial'
import { WideTable } from './wide-table'
import { obstacles, sentence, type Wizard } from './wizard'

/** Rows of a page of the trial. */
export const trialRows = 10

type Row = Trial['rows'][number]

const errorIn = (row: Row, column: number) => row.errors?.find((each) => each.column_index === column)
const textOf = (row: Row, column: number) => {
  const error = errorIn(row, column)
  return error ? `${error.value || 'empty'} ${error.reason}` : row.values[column]
}

/** Rows of the file as the mapping makes them, with what would be rejected or left out. */
export function TrialTable({ wizard }: { wizard: Wizard }) {
  const [offset, setOffset] = useState(0)
  const trial = useTrial(wizard, offset, trialRows)
  const data = trial.data
  const columns = useMemo(() => data?.columns.map(({ destination, type }) => ({ name: destination, note: type })) ?? [], [data])
  // Rows of a mapping that cannot be used would only seem to be loaded.
  const problem = data?.columns.find((each) => each.error)?.error
  const wrong = obstacles(wizard, 'mapping')[0]?.message ?? (problem && sentence(problem.message)) ?? (data?.errors.length ? 'See above' : undefined)
  const rejected = data?.rows.filter((each) => each.result === 'rejected').length ?? 0
  const filtered = data?.rows.filter((each) => each.result === 'filtered').length ?? 0
  return (
    <Card
      title="Rows as they will be"
      description={data && !wrong && data.rows.length > 0 ? `From line ${formatCount(data.rows[0]?.line)}${rejected > 0 ? ` · ${plural(rejected, 'bad row')} here` : ''}${filtered > 0 ? ` · ${formatCount(filtered)} left out by the filter` : ''}` : 'On real rows of the file'}
      flush
      actions={
        <>
          <Button variant="ghost" size="icon-sm" aria-label="Rows before" disabled={offset === 0 || wrong !== undefined} onClick={() => setOffset(Math.max(0, offset - trialRows))}>
            <ChevronLeft aria-hidden />
          </Button>
          <Button variant="ghost" size="icon-sm" aria-label="Next rows" disabled={data?.next_offset == null || wrong !== undefined} onClick={() => setOffset(data?.next_offset ?? 0)}>
            <ChevronRight aria-hidden />
          </Button>
        </>
      }
    >
      {trial.error && <ErrorPanel error={trial.error} className="m-4" onRetry={() => void trial.refetch()} />}
      {data?.errors.map((each) => (
        <p key={each.location + each.message} className="border-b border-line bg-bad-soft px-4 py-2 text-xs text-bad-text">
          {each.message} {each.fix}
        </p>
      ))}
      {wrong && <p className="p-4 text-sm text-muted">It shows once this is right: {wrong}.</p>}
      {!data && !wrong && !trial.error && <SkeletonLines lines={5} />}
      {data && !wrong && (
        <WideTable
          region="Rows as they will be"
          caption="Rows as the mapping makes them"
          busy={trial.isPlaceholderData}
          columns={columns}
          rows={data.rows}
          first={data.offset}
          total={data.total_rows_exact ? data.total_rows : -1}
          faint={(row) => row.result === 'filtered'}
          stateOf={(row) => <Badge tone={row.result === 'loaded' ? 'ok' : row.result === 'rejected' ? 'bad' : 'neutral'}>{row.result}</Badge>}
          textOf={textOf}
          cellOf={(row, i) => {
            const error = errorIn(row, i)
            if (!error) return { content: <Cell value={row.values[i]} />, className: 'font-mono' }
            return {
              title: error.reason,
              className: 'bg-bad-soft text-bad-text',
              content: (
                <>
                  <mark className="font-mono">{error.value ? <Visible text={error.value} /> : 'empty'}</mark> <Visible text={error.reason} />
                </>
              ),
            }
          }}
        />
      )}
    </Card>
  )
}
