import { FunctionSquare, Plus, Sparkles, TriangleAlert } from 'lucide-react'
import { useMemo, useState, type ReactNode } from 'react'
import { Badge, Button, Card } from '@/shared/components'
import { formatCount, formatShare, plural } from '@/shared/lib/format'
import type { DraftColumn } from './draft'
import { LongSelect } from './long-select'
import type { Suggestion } from './queries'
import type { Wizard } from './wizard'

/** How many are shown at a time. */
const few = 50

/** What is left over: columns of the file that go nowhere, columns of the table that nothing fills. */
export function Trays({ wizard, errorOf, onAdd }: { wizard: Wizard; errorOf: (name: string) => string | undefined; onAdd: (column: Omit<DraftColumn, 'key'>) => void }) {
  const { file, table, columns, suggestion, draft } = wizard
  const { loose, unfilled, candidates } = useMemo(() => {
    const used = new Set(columns.map((each) => each.source))
    const filled = new Set(columns.map((each) => each.destination))
    return {
      loose: file.columns.filter((each) => !used.has(each.name)),
      unfilled: table?.columns.filter((each) => !filled.has(each.name) && !each.generated) ?? [],
      candidates: (suggestion?.candidates ?? []).filter((each) => !used.has(each.source) && !filled.has(each.destination)),
    }
  }, [file, table, columns, suggestion])
  const names = useMemo(() => unfilled.map((each) => each.name), [unfilled])
  if (loose.length === 0 && unfilled.length === 0) return null
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-2">
      {loose.length > 0 && (
        <Card title="Not loaded" description={`${plural(loose.length, 'column')} of the file ${loose.length === 1 ? 'goes' : 'go'} nowhere`} flush>
          <Some all={loose}>
            {(each) => (
              <li key={each.name} className="flex flex-wrap items-center justify-between gap-2 px-4 py-2">
                <span className="min-w-0">
                  <span className="font-mono text-xs font-medium">{each.name}</span> <span className="text-xs text-muted">{each.type}</span>
                </span>
                {draft.target === 'new' ? (
                  <Button size="sm" aria-label={`Load ${each.name}`} onClick={() => onAdd({ source: each.name, destination: suggestion?.column_mappings.find((one) => one.source === each.name)?.destination ?? each.name })}>
                    <Plus aria-hidden />
                    Load
                  </Button>
                ) : (
                  unfilled.length > 0 && <IntoSelect source={each.name} unfilled={names} candidates={candidates} onChoose={(destination) => onAdd({ source: each.name, destination })} />
                )}
              </li>
            )}
          </Some>
        </Card>
      )}
      {unfilled.length > 0 && (
        <Card title="Not filled" description={`${plural(unfilled.length, 'column')} of the table`} flush>
          {/* What has to be filled comes first: the rest may be far down. */}
          <Some all={[...unfilled.filter((each) => each.required), ...unfilled.filter((each) => !each.required)]} least={unfilled.filter((each) => each.required).length}>
            {(each) => {
              const best = candidates.filter((one) => one.destination === each.name).sort((a, b) => b.score - a.score)[0]
              const error = errorOf(`fill-${each.name}`)
              return (
                <li key={each.name} className="px-4 py-2">
                  <div className="flex flex-wrap items-center justify-between gap-2">
                    <span className="flex min-w-0 flex-wrap items-center gap-x-1.5">
                      <span className="font-mono text-xs font-medium">{each.name}</span>
                      <span className="text-xs text-muted">{each.type}</span>
                      {each.required ? (
                        <Badge tone="bad" icon={TriangleAlert}>
                          must be filled
                        </Badge>
                      ) : (
                        <span className="text-xs text-muted">{each.identity ? 'counted by the database' : each.default ? `takes ${each.default}` : 'becomes NULL'}</span>
                      )}
                    </span>
                    <span className="flex max-w-full min-w-0 flex-wrap gap-1.5">
                      {best && (
                        <Button size="sm" className="max-w-full min-w-0 shrink" onClick={() => onAdd({ source: best.source, destination: each.name })}>
                          <Sparkles aria-hidden />
                          <span className="truncate font-mono">{best.source}</span>
                          <span className="truncate font-normal text-muted">
                            {best.reason} {formatShare(best.score)}
                          </span>
                        </Button>
                      )}
                      <Button id={`field-fill-${each.name}`} variant="ghost" size="sm" aria-label={`Calculate ${each.name}`} onClick={() => onAdd({ destination: each.name, expression: '' })}>
                        <FunctionSquare aria-hidden />
                        Calculate
                      </Button>
                    </span>
                  </div>
                  {error && <p className="mt-1 text-xs font-medium text-bad-text">{error}</p>}
                </li>
              )
            }}
          </Some>
        </Card>
      )}
    </div>
  )
}

/** The first of a list, and more by a press. */
function Some<T>({ all, least = 0, children }: { all: T[]; least?: number; children: (each: T) => ReactNode }) {
  const [wanted, setWanted] = useState(few)
  const shown = all.slice(0, Math.max(wanted, least))
  return (
    <>
      <ul className="divide-y divide-line">{shown.map(children)}</ul>
      {shown.length < all.length && (
        <Button variant="ghost" size="sm" className="m-2" onClick={() => setWanted(shown.length + few)}>
          Show {formatCount(Math.min(few, all.length - shown.length))} more of {formatCount(all.length)}
        </Button>
      )}
    </>
  )
}

/** The columns of the table that one may go into, the likely ones first. */
function IntoSelect({ source, unfilled, candidates, onChoose }: { source: string; unfilled: string[]; candidates: Suggestion['candidates']; onChoose: (destination: string) => void }) {
  const choices = useMemo(() => {
    const scores = new Map(candidates.filter((each) => each.source === source).map((each) => [each.destination, each]))
    return [...unfilled]
      .sort((a, b) => (scores.get(b)?.score ?? 0) - (scores.get(a)?.score ?? 0))
      .map((name) => {
        const candidate = scores.get(name)
        return { value: name, label: candidate ? `${name} · ${candidate.reason} ${formatShare(candidate.score)}` : name }
      })
  }, [source, unfilled, candidates])
  return <LongSelect aria-label={`Load ${source} into`} className="w-44" value="" none="load into…" choices={choices} onChoose={onChoose} />
}
