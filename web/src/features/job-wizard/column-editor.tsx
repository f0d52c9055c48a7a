import type { UseQueryResult } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Checkbox, ErrorPanel, Input, Select, SkeletonLines, Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount } from '@/shared/lib/format'
import type { DraftColumn } from './draft'
import { ExpressionEditor, ProblemLine } from './expression-editor'
import { LongSelect } from './long-select'
import type { Trial } from './queries'
import { TransformList } from './transform-list'
import { TypeChoice } from './type-choice'
import { sentence, type Wizard } from './wizard'

/** Everything of one column: where from, where to, steps, type, calculation, what is empty; and what comes of it. */
export function ColumnEditor({ wizard, row, index, trial, onChange }: { wizard: Wizard; row: DraftColumn; index: number; trial: UseQueryResult<Trial>; onChange: (change: Partial<DraftColumn>) => void }) {
  const { file, table, columns } = wizard
  const id = `column-${row.key}`
  const target = table?.columns.find((each) => each.name === row.destination)
  const found = file.columns.find((each) => each.name === row.source)
  const problem = trial.data?.columns[index]?.error
  const calculated = row.expression !== undefined
  const names = useMemo(() => file.columns.map((each) => each.name), [file])
  const sources = useMemo(() => file.columns.map(({ name, type }) => ({ value: name, label: `${name} (${type})` })), [file])
  const destinations = useMemo(() => {
    const taken = new Set(columns.filter((each) => each.key !== row.key).map((each) => each.destination))
    return table?.columns.map(({ name, type, generated }) => ({ value: name, label: `${name} (${type})`, disabled: taken.has(name) || generated })) ?? []
  }, [table, columns, row.key])
  const destination = row.destination.trim()
  const twice = destination !== '' && columns.some((each) => each.key !== row.key && each.destination.trim() === destination)
  const misplaced = problem && !problem.position && (twice || problem.code === 'duplicate_destination' || problem.location.endsWith('.destination'))
  const wrong = twice ? `Another column goes into “${destination}” already: choose another name, or leave one of them out.` : misplaced ? `${sentence(problem.message)}.` : undefined
  const into = { id: `field-column-${row.key}`, 'aria-invalid': wrong ? (true as const) : undefined, 'aria-describedby': wrong ? `${id}-into-error` : undefined }
  return (
    <div className="grid grid-cols-1 gap-5 border-t border-line bg-bg/50 p-4 lg:grid-cols-[minmax(0,5fr)_minmax(0,4fr)]">
      <div className="space-y-4">
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
          <Labelled id={`${id}-source`} label="From">
            <LongSelect id={`${id}-source`} value={row.source ?? ''} none="no column: calculated" choices={sources} onChoose={(source) => onChange({ source: source || undefined, ...(source === '' && !calculated ? { expression: '' } : {}) })} />
          </Labelled>
          <Labelled id={`field-column-${row.key}`} label="Into">
            {table ? (
              <LongSelect {...into} value={row.destination} none="choose a column" choices={destinations} onChoose={(name) => onChange({ destination: name })} />
            ) : (
              <Input {...into} value={row.destination} maxLength={63} spellCheck={false} autoComplete="off" className="font-mono text-xs" placeholder="name of the column" onChange={(event) => onChange({ destination: event.target.value })} />
            )}
            {wrong && (
              <p id={`${id}-into-error`} className="mt-1 text-xs font-medium break-words text-bad-text">
                {wrong}
              </p>
            )}
          </Labelled>
        </div>
        {row.source !== undefined && (
          <Labelled id={`${id}-steps`} label="Steps" optional>
            <TransformList id={`${id}-steps`} name={row.destination || row.source} steps={row.transformations ?? []} onChange={(transformations) => onChange({ transformations: transformations.length > 0 ? transformations : undefined })} />
          </Labelled>
        )}
        {calculated || row.source === undefined ? (
          <Labelled id={`${id}-expression`} label="Expression" optional={row.source !== undefined}>
            <ExpressionEditor
              id={`${id}-expression`}
              value={row.expression ?? ''}
              columns={names}
              error={problem?.position && row.expression ? problem : undefined}
              describedBy={`${id}-expression-hint`}
              placeholder={row.source ? 'round(value * 1.19, 2)' : 'quantity * unit_price'}
              onChange={(expression) => onChange({ expression: expression === '' && row.source ? undefined : expression })}
            />
            <p id={`${id}-expression-hint`} className="mt-1 text-xs text-muted">
              {row.source ? (
                <>
                  <code className="font-mono">value</code> is this column; the others go by their names.
                </>
              ) : (
                'Columns go by their names; type to see columns and functions.'
              )}
            </p>
          </Labelled>
        ) : (
          <button type="button" className="rounded text-xs font-medium text-accent-text underline-offset-2 hover:underline" onClick={() => onChange({ expression: '' })}>
            Calculate with an expression
          </button>
        )}
        {problem && !misplaced && <ProblemLine problem={problem} />}
        <TypeChoice file={file} row={row} tableType={target?.type} onChange={onChange} />
        <Empties id={id} row={row} found={found?.null_values} required={target?.required} onChange={onChange} />
      </div>
      <Results row={row} index={index} trial={trial} />
    </div>
  )
}

function Labelled({ id, label, optional, children }: { id: string; label: string; optional?: boolean; children: React.ReactNode }) {
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
        {optional && <span className="font-normal text-muted"> (optional)</span>}
      </label>
      {children}
    </div>
  )
}

/** Which words mean NULL, and what stands for it. */
function Empties({ id, row, found, required, onChange }: { id: string; row: DraftColumn; found?: string[]; required?: boolean; onChange: (change: Partial<DraftColumn>) => void }) {
  const own = row.null_values !== undefined
  const words = row.null_values ?? []
  const typed = words.filter((word) => word !== '').join(', ')
  return (
    <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
      <Labelled id={`${id}-nulls`} label="Words that mean NULL">
        <Select
          id={`${id}-nulls`}
          value={own ? 'own' : 'found'}
          onChange={(event) => onChange({ null_values: event.target.value === 'own' ? [''] : undefined })}
        >
          <option value="found">as found: empty{found && found.length > 0 ? `, ${found.join(', ')}` : ''}</option>
          <option value="own">my own</option>
        </Select>
        {own && (
          <div className="mt-2 space-y-1.5">
            <Input key={row.key} aria-label="Words that mean NULL, with commas between" defaultValue={typed} className="font-mono text-xs" placeholder="n/a, -, unknown" onChange={(event) => onChange({ null_values: wordsOf(event.target.value, words.includes('')) })} />
            <Checkbox label="Empty fields, too" checked={words.includes('')} onChange={(event) => onChange({ null_values: wordsOf(typed, event.target.checked) })} />
          </div>
        )}
      </Labelled>
      <div>
        <Labelled id={`${id}-default`} label="Instead of NULL" optional>
          <Input id={`${id}-default`} value={row.default ?? ''} className="font-mono text-xs" placeholder="stays NULL" onChange={(event) => onChange({ default: event.target.value || undefined })} />
        </Labelled>
        <Checkbox className="mt-2" label="NULL is a bad row" checked={row.required === true || required === true} disabled={required} hint={required ? 'The table says NOT NULL.' : undefined} onChange={(event) => onChange({ required: event.target.checked || undefined })} />
      </div>
    </div>
  )
}

function wordsOf(typed: string, empty: boolean): string[] {
  const words = typed
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  return [...(empty ? [''] : []), ...new Set(words)]
}

/** The column on real rows: what stands in the file, what goes into the table, what is wrong. */
function Results({ row, index, trial }: { row: DraftColumn; index: number; trial: UseQueryResult<Trial> }) {
  const at = trial.data?.sources.indexOf(row.source ?? '') ?? -1
  const broken = trial.data?.columns[index]?.error !== undefined
  return (
    <div className="min-w-0">
      <p className="mb-1 text-sm font-medium">
        On real rows
        {trial.data?.columns[index]?.type && <span className="font-normal text-muted"> as {trial.data.columns[index].type}</span>}
      </p>
      {trial.error && <ErrorPanel error={trial.error} />}
      {!trial.data && !trial.error && <SkeletonLines lines={4} />}
      {trial.data && (
        <div className="overflow-x-auto rounded-md border border-line bg-surface" tabIndex={0} role="region" aria-label={`${row.destination || 'The column'} on real rows`}>
          <table aria-busy={trial.isPlaceholderData} className="w-full text-xs">
            <caption className="sr-only">The column on rows of the file</caption>
            <thead>
              <tr className="border-b border-line bg-sunken text-left text-2xs text-muted">
                <th scope="col" className="px-2 py-1 text-right font-medium">
                  Line
                </th>
                {at >= 0 && (
                  <th scope="col" className="px-2 py-1 font-medium">
                    In the file
                  </th>
                )}
                <th scope="col" className="px-2 py-1 font-medium">
                  In the table
                </th>
              </tr>
            </thead>
            <tbody>
              {trial.data.rows.slice(0, 8).map((each) => {
                const error = each.errors?.find((one) => one.column_index === index)
                return (
                  <tr key={each.line} className="border-b border-line align-top last:border-0">
                    <td className="px-2 py-1 text-right text-muted tabular-nums">{formatCount(each.line)}</td>
                    {at >= 0 && (
                      <td className="max-w-40 truncate px-2 py-1 font-mono">
                        <Cell value={each.source[at]} />
                      </td>
                    )}
                    <td className={cn('max-w-56 px-2 py-1', error ? 'bg-bad-soft text-bad-text' : 'truncate font-mono')}>{error ? <Visible text={error.reason} /> : broken ? <span className="font-sans text-faint">not yet</span> : <Cell value={each.values[index]} />}</td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}

/** A value as it is; NULL and an empty text are told apart. */
export function Cell({ value }: { value: string | null | undefined }) {
  if (value === null || value === undefined) return <span className="font-sans text-faint italic">NULL</span>
  if (value === '') return <span className="font-sans text-faint italic">empty</span>
  return <span className="whitespace-pre"><Visible text={value} /></span>
}
