import { Filter } from 'lucide-react'
import { useMemo } from 'react'
import { Button, Card, Field, Input, OptionCard, Select } from '@/shared/components'
import { formatCount, plural } from '@/shared/lib/format'
import type { Draft } from './draft'
import { ExpressionEditor, ProblemLine } from './expression-editor'
import { KeyColumns } from './key-columns'
import { useTrial } from './use-trial'
import type { Wizard } from './wizard'

type Props = { wizard: Wizard; errorOf: (name: string) => string | undefined }

const strategies: { value: Draft['strategy']; title: string; what: string }[] = [
  { value: 'INSERT', title: 'Add rows', what: 'Every row is inserted. A row that breaks a key of the table is a bad row.' },
  { value: 'UPSERT', title: 'Add or update', what: 'A row with the same key is updated, the others are added. Running twice changes nothing more.' },
  { value: 'TRUNCATE_INSERT', title: 'Replace all rows', what: 'The table is emptied and filled in one transaction: readers see the old rows, then the new ones.' },
]

/** What Redshift does for a strategy, where it differs. */
const inRedshift: Record<Draft['strategy'], string> = {
  INSERT: 'Every row is inserted, also one whose key is there already: Redshift enforces no keys.',
  UPSERT: 'By MERGE: rows with the same key are updated, the others are added. Running twice changes nothing more.',
  TRUNCATE_INSERT: 'By DELETE and INSERT in one transaction, as Redshift’s TRUNCATE would commit at once: readers see the old rows, then the new ones.',
}

/** Strategy, keys, duplicates, bad rows, filter. */
export function LoadStep({ wizard, errorOf }: Props) {
  const { draft, update } = wizard
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-2">
      <div className="space-y-5">
        <Card title="Rows that are there already">
          <fieldset>
            <legend className="sr-only">Strategy</legend>
            <div className="grid gap-2.5">
              {strategies.map((each) => (
                <OptionCard key={each.value} group="strategy" checked={draft.strategy === each.value} onChoose={() => update({ strategy: each.value, ...(each.value === 'UPSERT' && draft.keys.length === 0 ? { keys: keysOf(wizard) } : {}) })} title={each.title}>
                  {wizard.redshift ? inRedshift[each.value] : each.what}
                </OptionCard>
              ))}
            </div>
          </fieldset>
        </Card>
        {draft.strategy === 'UPSERT' && <Keys wizard={wizard} errorOf={errorOf} />}
      </div>
      <div className="space-y-5">
        <BadRows wizard={wizard} errorOf={errorOf} />
        <FilterCard wizard={wizard} />
        <details className="rounded-lg border border-line bg-surface shadow-card" open={draft.batchSize !== '' || undefined}>
          <summary className="px-4 py-2.5 text-sm font-semibold">Large files</summary>
          <div className="border-t border-line p-4">
            <Field label="Rows a chunk" name="batch-size" optional error={errorOf('batch-size')} hint={`Large files are loaded in chunks; without a number each has ${wizard.redshift ? '64 to 192 MiB' : 'about 64 MiB'}.`}>
              {(props) => <Input {...props} value={draft.batchSize} inputMode="numeric" className="max-w-40" onChange={(event) => update({ batchSize: event.target.value.trim() })} />}
            </Field>
          </div>
        </details>
      </div>
    </div>
  )
}

/** The columns of the first key that the mapping fills: the table's primary key before others; of a new table a column that looks like one. */
export function keysOf({ table, columns, file }: Pick<Wizard, 'table' | 'columns' | 'file'>): string[] {
  const mapped = new Set(columns.map((each) => each.destination))
  if (table) return [...table.unique_indexes].sort((a, b) => Number(b.primary) - Number(a.primary)).find((each) => each.columns.every((name) => mapped.has(name)))?.columns ?? []
  const unique = columns.find((each) => {
    const statistics = file.columns.find((one) => one.name === each.source)?.statistics
    return statistics !== undefined && statistics.rows > 0 && statistics.nulls === 0 && statistics.distinct === statistics.rows
  })
  return unique ? [unique.destination] : []
}

function keyWords(exists: boolean, redshift: boolean): string {
  if (redshift && exists) return 'Rows are the same where these columns are. Any columns will do: Redshift enforces no keys, so that nothing else keeps rows with the same key apart.'
  if (redshift) return 'Rows are the same where these columns are. They become the primary key, which Redshift knows but does not enforce.'
  if (exists) return 'Rows are the same where these columns are; the table needs a unique index over just them.'
  return 'Rows are the same where these columns are. They become the primary key.'
}

function Keys({ wizard, errorOf }: Props) {
  const { draft, update, columns, table, redshift } = wizard
  const error = errorOf('keys')
  const indexes = table?.unique_indexes ?? []
  const names = useMemo(() => [...new Set(columns.map((each) => each.destination).filter(Boolean))], [columns])
  const same = (names: string[]) => names.length === draft.keys.length && names.every((name) => draft.keys.includes(name))
  return (
    <Card title="Key" description={keyWords(table !== undefined, redshift)}>
      {indexes.length > 0 && (
        <div className="mb-3 flex flex-wrap gap-1.5">
          {indexes.map((each) => (
            <Button key={each.name} size="sm" aria-pressed={same(each.columns)} className="font-mono aria-pressed:border-accent aria-pressed:bg-accent-soft" onClick={() => update({ keys: each.columns })}>
              {each.columns.join(', ')}
              <span className="font-sans font-normal text-muted">{each.primary ? 'primary key' : 'unique'}{redshift && ', not enforced'}</span>
            </Button>
          ))}
        </div>
      )}
      {table && !redshift && indexes.length === 0 && <p className="mb-3 text-xs text-warn-text">The table has no unique index, which “Add or update” needs.</p>}
      <fieldset aria-describedby={error ? 'field-keys-error' : undefined}>
        <legend className="sr-only">Key columns</legend>
        <KeyColumns names={names} keys={draft.keys} onChange={(keys) => update({ keys })} />
      </fieldset>
      {error && (
        <p id="field-keys-error" className="mt-2 text-xs font-medium text-bad-text">
          {error}
        </p>
      )}
      <Field label="Rows of the file with the same key" name="duplicates" className="mt-4">
        {(props) => (
          <Select {...props} value={draft.duplicates} onChange={(event) => update({ duplicates: event.target.value as Draft['duplicates'] })}>
            <option value="last">The last one counts</option>
            <option value="first">The first one counts</option>
            <option value="fail">The run fails and names them</option>
          </Select>
        )}
      </Field>
    </Card>
  )
}

function BadRows({ wizard, errorOf }: Props) {
  const { draft, update } = wizard
  return (
    <Card title="Bad rows" description="Rows with a value that its column cannot hold">
      <fieldset>
        <legend className="sr-only">Bad rows</legend>
        <div className="grid gap-2.5 sm:grid-cols-2">
          <OptionCard group="bad-rows" checked={draft.onBadRow === 'fail'} onChoose={() => update({ onBadRow: 'fail' })} title="Nothing is loaded">
            The run fails and lists them with line, column and reason.
          </OptionCard>
          <OptionCard group="bad-rows" checked={draft.onBadRow === 'skip'} onChoose={() => update({ onBadRow: 'skip' })} title="They are set aside">
            The others are loaded. Correct them and load only those.
          </OptionCard>
        </div>
      </fieldset>
      {draft.onBadRow === 'skip' && (
        <div className="mt-4 grid grid-cols-2 gap-3">
          <Field label="At most (rows)" name="max-rows" optional error={errorOf('max-rows')} hint="More of them fail the run.">
            {(props) => <Input {...props} value={draft.maxRows} inputMode="numeric" placeholder="no bound" onChange={(event) => update({ maxRows: event.target.value.trim() })} />}
          </Field>
          <Field label="At most (%)" name="max-percent" optional error={errorOf('max-percent')} hint="Of the rows read.">
            {(props) => <Input {...props} value={draft.maxPercent} inputMode="decimal" placeholder="no bound" onChange={(event) => update({ maxPercent: event.target.value.trim() })} />}
          </Field>
        </div>
      )}
    </Card>
  )
}

function FilterCard({ wizard }: { wizard: Wizard }) {
  const { draft, update, file } = wizard
  const trial = useTrial(wizard, 0, 50)
  const problem = trial.data?.filter_error
  const kept = trial.data?.rows.filter((each) => each.result !== 'filtered').length ?? 0
  const on = draft.filter.trim() !== ''
  return (
    <Card title="Filter" description="Only rows for which it is true are loaded">
      <ExpressionEditor id="field-filter" label="Filter" value={draft.filter} columns={file.columns.map((each) => each.name)} error={on ? problem : undefined} describedBy="filter-result" placeholder="amount > 0 and country in ['DE', 'AT']" onChange={(filter) => update({ filter })} />
      <div id="filter-result" role="status" className="mt-1.5 min-h-4 text-xs text-muted">
        {!on ? (
          'Without one, every row is loaded.'
        ) : problem ? (
          <ProblemLine problem={problem} />
        ) : (
          trial.data && (
            <span className="inline-flex items-center gap-1.5">
              <Filter aria-hidden className="size-3.5" />
              Keeps {formatCount(kept)} of the first {plural(trial.data.rows.length, 'row')}.
            </span>
          )
        )}
      </div>
    </Card>
  )
}
