import { ArrowRight, ChevronDown, FunctionSquare, Plus, Sparkles, Trash2, TriangleAlert } from 'lucide-react'
import { useId, type KeyboardEvent } from 'react'
import { Badge, Button, Card, ErrorPanel, Select, SkeletonLines, type Tone } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatShare, plural } from '@/shared/lib/format'
import { Cell, ColumnEditor } from './column-editor'
import type { DraftColumn } from './draft'
import type { Suggestion, Trial } from './queries'
import { NewTable } from './step-table'
import { TrialTable } from './trial-table'
import { useTrial } from './use-trial'
import type { Wizard } from './wizard'

/** The columns: which goes where, what is done to it, and what is left over on either side. */
export function MappingStep({ wizard, errorOf, opened, open }: { wizard: Wizard; errorOf: (name: string) => string | undefined; opened: string; open: (column: string) => void }) {
  const { columns, setColumns, suggestionState, draft } = wizard
  const trial = useTrial(wizard, 0, 8)
  if (suggestionState.error && columns.length === 0) return <ErrorPanel error={suggestionState.error} onRetry={() => void suggestionState.refetch()} retrying={suggestionState.isFetching} />
  if (!suggestionState.data && columns.length === 0) return <SkeletonLines lines={8} label="Matching columns" />
  const change = (key: string, part: Partial<DraftColumn>) => setColumns(columns.map((each) => (each.key === key ? { ...each, ...part } : each)))
  const add = (column: Omit<DraftColumn, 'key'>) => {
    const key = String(Math.max(-1, ...columns.map((each) => Number(each.key))) + 1)
    setColumns([...columns, { ...column, key }])
    open(key)
    return key
  }
  const remove = (at: number) => {
    const gone = columns[at]
    setColumns(columns.filter((each) => each !== gone))
    const next = columns[at + 1] ?? columns[at - 1]
    document.getElementById(next ? `row-${next.key}` : 'field-mapping')?.focus()
  }
  const move = (event: KeyboardEvent<HTMLElement>) => {
    if ((event.key !== 'ArrowDown' && event.key !== 'ArrowUp') || !(event.target instanceof HTMLElement) || !event.target.id.startsWith('row-')) return
    const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[id^=row-]')]
    rows[rows.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)]?.focus()
    event.preventDefault()
  }
  return (
    <div className="space-y-5">
      <Card
        title={plural(columns.length, 'mapped column')}
        description={draft.target === 'new' ? 'Names and types of the new table are yours to change.' : undefined}
        flush
        actions={
          <Button id="field-mapping" size="sm" onClick={() => add({ destination: '', expression: '' })}>
            <FunctionSquare aria-hidden />
            Add a calculated column
          </Button>
        }
      >
        <ol onKeyDown={move} className="divide-y divide-line">
          {columns.map((row, i) => (
            <li key={row.key}>
              <Row wizard={wizard} row={row} index={i} trial={trial.data} error={errorOf(`column-${row.key}`)} open={opened === row.key} onToggle={() => open(opened === row.key ? '' : row.key)} onRemove={() => remove(i)} />
              {opened === row.key && <ColumnEditor wizard={wizard} row={row} index={i} trial={trial} onChange={(part) => change(row.key, part)} />}
            </li>
          ))}
        </ol>
      </Card>
      <Trays wizard={wizard} errorOf={errorOf} onAdd={add} />
      <TrialTable wizard={wizard} />
      {draft.target === 'new' && <NewTable wizard={wizard} />}
    </div>
  )
}

function Row({ wizard, row, index, trial, error, open, onToggle, onRemove }: { wizard: Wizard; row: DraftColumn; index: number; trial?: Trial; error?: string; open: boolean; onToggle: () => void; onRemove: () => void }) {
  const type = trial?.columns[index]?.type ?? row.type ?? ''
  const bad = trial?.rows.filter((each) => each.errors?.some((one) => one.column_index === index)).length ?? 0
  const problem = trial?.columns[index]?.error
  const first = trial?.rows[0]
  const at = trial?.sources.indexOf(row.source ?? '') ?? -1
  const name = row.destination || 'no column yet'
  return (
    <div className={cn('flex items-stretch', open && 'bg-accent-soft/50')}>
      <button
        type="button"
        id={`row-${row.key}`}
        aria-expanded={open}
        onClick={onToggle}
        className="grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 px-4 py-2 text-left text-sm hover:bg-hover focus-visible:-outline-offset-2 md:grid-cols-[minmax(0,3fr)_minmax(0,3fr)_minmax(0,4fr)_minmax(7rem,auto)_auto]"
      >
        <span className="flex min-w-0 items-center gap-2 max-md:order-1 max-md:col-span-2">
          {row.source ? <span className="truncate font-mono text-xs">{row.source}</span> : <span className="inline-flex min-w-0 items-center gap-1.5 text-xs text-muted"><FunctionSquare aria-hidden className="size-3.5 shrink-0" /><span className="truncate font-mono">{row.expression || 'calculated'}</span></span>}
        </span>
        <span className="flex min-w-0 items-center gap-2 max-md:order-3 max-md:col-span-2">
          <ArrowRight aria-hidden className="size-3.5 shrink-0 text-faint" />
          <span className="sr-only"> to </span>
          <span className={cn('truncate font-mono text-xs font-medium', !row.destination && 'text-bad-text italic')}>{name}</span>
          <span className="truncate text-xs text-muted">{type}</span>
        </span>
        <span className="min-w-0 truncate font-mono text-xs text-muted max-md:hidden">
          {first && !problem && (
            <>
              {at >= 0 && (row.transformations?.length || row.expression) ? <><Cell value={first.source[at]} /> → </> : null}
              <span className="text-text">
                <Cell value={first.values[index]} />
              </span>
            </>
          )}
        </span>
        <span className="flex max-w-full min-w-0 items-center gap-1.5 max-md:order-4 max-md:col-span-2 md:justify-end">
          {row.transformations && row.transformations.length > 0 && <Badge className="max-sm:hidden">{plural(row.transformations.length, 'step')}</Badge>}
          {problem || error ? (
            <Badge tone="bad" icon={TriangleAlert}>
              to correct
            </Badge>
          ) : bad > 0 ? (
            <Badge tone="warn" icon={TriangleAlert}>
              {plural(bad, 'bad value')}
            </Badge>
          ) : (
            <Matched suggestion={wizard.suggestion} row={row} />
          )}
        </span>
        <ChevronDown aria-hidden className={cn('size-4 text-muted transition-transform max-md:hidden', open && 'rotate-180')} />
      </button>
      <Button variant="ghost" size="icon-sm" className="my-auto mr-2" aria-label={`Leave out ${name}`} onClick={onRemove}>
        <Trash2 aria-hidden />
      </Button>
    </div>
  )
}

/** How sure the match is, and why. */
function Matched({ suggestion, row }: { suggestion?: Suggestion; row: DraftColumn }) {
  const match = suggestion?.matches.find((each) => each.source === row.source && each.destination === row.destination)
  if (!match) return <Badge>{row.source ? 'by hand' : 'calculated'}</Badge>
  return (
    <Badge tone={toneOf(match.score ?? 1)} className="font-normal">
      <span className="truncate">{match.reason ?? (match.exact ? 'same name' : 'similar name')}</span> <span className="tabular-nums">{formatShare(match.score ?? 1)}</span>
    </Badge>
  )
}

function toneOf(score: number): Tone {
  return score >= 0.9 ? 'ok' : score >= 0.6 ? 'info' : 'warn'
}

/** What is left over: columns of the file that go nowhere, columns of the table that nothing fills. */
function Trays({ wizard, errorOf, onAdd }: { wizard: Wizard; errorOf: (name: string) => string | undefined; onAdd: (column: Omit<DraftColumn, 'key'>) => void }) {
  const { file, table, columns, suggestion, draft } = wizard
  const used = new Set(columns.map((each) => each.source))
  const filled = new Set(columns.map((each) => each.destination))
  const loose = file.columns.filter((each) => !used.has(each.name))
  const unfilled = table?.columns.filter((each) => !filled.has(each.name) && !each.generated) ?? []
  const candidates = (suggestion?.candidates ?? []).filter((each) => !used.has(each.source) && !filled.has(each.destination))
  if (loose.length === 0 && unfilled.length === 0) return null
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-2">
      {loose.length > 0 && (
        <Card title="Not loaded" description={`${plural(loose.length, 'column')} of the file ${loose.length === 1 ? 'goes' : 'go'} nowhere`} flush>
          <ul className="divide-y divide-line">
            {loose.map((each) => (
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
                  unfilled.length > 0 && <IntoSelect source={each.name} unfilled={unfilled.map((one) => one.name)} candidates={candidates.filter((one) => one.source === each.name)} onChoose={(destination) => onAdd({ source: each.name, destination })} />
                )}
              </li>
            ))}
          </ul>
        </Card>
      )}
      {unfilled.length > 0 && (
        <Card title="Not filled" description={`${plural(unfilled.length, 'column')} of the table`} flush>
          <ul className="divide-y divide-line">
            {unfilled.map((each) => {
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
            })}
          </ul>
        </Card>
      )}
    </div>
  )
}

function IntoSelect({ source, unfilled, candidates, onChoose }: { source: string; unfilled: string[]; candidates: Suggestion['candidates']; onChoose: (destination: string) => void }) {
  const id = useId()
  const scores = new Map(candidates.map((each) => [each.destination, each]))
  const ordered = [...unfilled].sort((a, b) => (scores.get(b)?.score ?? 0) - (scores.get(a)?.score ?? 0))
  return (
    <Select id={id} aria-label={`Load ${source} into`} className="w-44" value="" onChange={(event) => onChoose(event.target.value)}>
      <option value="">load into…</option>
      {ordered.map((name) => {
        const candidate = scores.get(name)
        return (
          <option key={name} value={name}>
            {name}
            {candidate ? ` · ${candidate.reason} ${formatShare(candidate.score)}` : ''}
          </option>
        )
      })}
    </Select>
  )
}
