import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, Card, ErrorPanel, SkeletonLines } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount, plural } from '@/shared/lib/format'
import { Cell } from './column-editor'
import { useTrial } from './use-trial'
import { obstacles, sentence, type Wizard } from './wizard'

const page = 10

/** Rows of the file as the mapping makes them, with what would be rejected or left out. */
export function TrialTable({ wizard }: { wizard: Wizard }) {
  const [offset, setOffset] = useState(0)
  const trial = useTrial(wizard, offset, page)
  const data = trial.data
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
          <Button variant="ghost" size="icon-sm" aria-label="Rows before" disabled={offset === 0 || wrong !== undefined} onClick={() => setOffset(Math.max(0, offset - page))}>
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
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Rows as they will be">
          <table aria-busy={trial.isPlaceholderData} className="w-full border-collapse text-xs">
            <caption className="sr-only">Rows as the mapping makes them</caption>
            <thead>
              <tr className="border-b border-line bg-sunken text-left text-2xs text-muted">
                <th scope="col" className="h-8 px-3 pl-4 text-right font-medium">
                  Line
                </th>
                <th scope="col" className="px-3 font-medium">
                  Row
                </th>
                {data.columns.map((each, i) => (
                  <th key={i} scope="col" className="px-3 font-mono font-medium whitespace-nowrap">
                    {each.destination} <span className="font-normal text-faint">{each.type}</span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.rows.map((row) => (
                <tr key={row.line} className={cn('border-b border-line align-top last:border-0', row.result === 'filtered' && 'text-faint')}>
                  <td className="px-3 py-1.5 pl-4 text-right text-muted tabular-nums">{formatCount(row.line)}</td>
                  <td className="px-3 py-1">
                    <Badge tone={row.result === 'loaded' ? 'ok' : row.result === 'rejected' ? 'bad' : 'neutral'}>{row.result}</Badge>
                  </td>
                  {row.values.map((value, i) => {
                    const error = row.errors?.find((each) => each.column_index === i)
                    return (
                      <td key={i} title={error?.reason} className={cn('max-w-64 px-3 py-1.5', error ? 'bg-bad-soft text-bad-text' : 'truncate font-mono')}>
                        {error ? (
                          <span className="block truncate">
                            <mark className="font-mono">{error.value || 'empty'}</mark> {error.reason}
                          </span>
                        ) : (
                          <Cell value={value} />
                        )}
                      </td>
                    )
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  )
}
