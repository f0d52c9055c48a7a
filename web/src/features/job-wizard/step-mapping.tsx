import { FunctionSquare } from 'lucide-react'
import { useDeferredValue, useMemo, useState } from 'react'
import { Button, Card, ErrorPanel, Input, SkeletonLines } from '@/shared/components'
import { plural } from '@/shared/lib/format'
import { ColumnEditor } from './column-editor'
import type { DraftColumn } from './draft'
import { MappingTable, type Mapped, type Sought } from './mapping-table'
import { NewTable } from './step-table'
import { Trays } from './trays'
import { TrialTable, trialRows } from './trial-table'
import { useTrial } from './use-trial'
import type { Wizard } from './wizard'

/** Lists of more columns have a search. */
const many = 12

/** The columns: which goes where, what is done to it, and what is left over on either side. */
export function MappingStep({ wizard, errorOf, opened, open, sought }: { wizard: Wizard; errorOf: (name: string) => string | undefined; opened: string; open: (column: string) => void; sought: Sought }) {
  const { columns, setColumns, suggestion, suggestionState, draft } = wizard
  const trial = useTrial(wizard, 0, trialRows)
  const [typed, setTyped] = useState('')
  const wanted = useDeferredValue(typed.trim().toLowerCase())
  const { shown, found } = useMemo(() => {
    const fits = ({ source = '', destination, expression = '' }: DraftColumn) => [source, destination, expression].some((each) => each.toLowerCase().includes(wanted))
    const all = columns.map((row, index): Mapped => ({ row, index }))
    // The one that is being worked on stays.
    return { shown: all.filter(({ row }) => row.key === opened || fits(row)), found: columns.filter(fits).length }
  }, [columns, wanted, opened])
  if (suggestionState.error && columns.length === 0) return <ErrorPanel error={suggestionState.error} onRetry={() => void suggestionState.refetch()} retrying={suggestionState.isFetching} />
  if (!suggestionState.data && columns.length === 0) return <SkeletonLines lines={8} label="Matching columns" />
  const change = (key: string, part: Partial<DraftColumn>) => setColumns(columns.map((each) => (each.key === key ? { ...each, ...part } : each)))
  const add = (column: Omit<DraftColumn, 'key'>) => {
    const key = String(Math.max(-1, ...columns.map((each) => Number(each.key))) + 1)
    setColumns([...columns, { ...column, key }])
    open(key)
  }
  const remove = ({ row }: Mapped) => {
    setColumns(columns.filter((each) => each.key !== row.key))
    if (columns.length === 1) document.getElementById('field-mapping')?.focus()
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
        {columns.length > many && (
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2">
            <Input type="search" aria-label="Search mapped columns" placeholder="Search columns" value={typed} autoComplete="off" spellCheck={false} onChange={(event) => setTyped(event.target.value)} className="max-w-72" />
            <span role="status" className="text-xs text-muted">
              {wanted && `${plural(found, 'column')} of ${columns.length}`}
            </span>
          </div>
        )}
        {columns.length > 0 && (
          <MappingTable
            shown={shown}
            trial={trial.data}
            suggestion={suggestion}
            errorOf={errorOf}
            opened={opened}
            open={open}
            sought={sought}
            onRemove={remove}
            editor={({ row, index }) => <ColumnEditor wizard={wizard} row={row} index={index} trial={trial} onChange={(part) => change(row.key, part)} />}
          />
        )}
      </Card>
      <Trays wizard={wizard} errorOf={errorOf} onAdd={add} />
      <TrialTable wizard={wizard} />
      {draft.target === 'new' && <NewTable wizard={wizard} />}
    </div>
  )
}
