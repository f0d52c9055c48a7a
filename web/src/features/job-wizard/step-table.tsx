import { useQuery } from '@tanstack/react-query'
import { Info, KeyRound } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import type { TableLayout as Layout } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Badge, Button, Card, CodeBlock, DataTable, ErrorPanel, Facts, Field, Input, OptionCard, QueryView, Select, SkeletonLines, type DataColumn } from '@/shared/components'
import { formatCompact, plural } from '@/shared/lib/format'
import { layoutInWords } from '@/shared/lib/table-options'
import { schemasQuery, tablesQuery, type Table, type TableInfo } from './queries'
import { TableLayout } from './table-layout'
import { obstacles, sentence, type Wizard } from './wizard'

type Props = { wizard: Wizard; errorOf: (name: string) => string | undefined }

/** A new table with its DDL, or one that exists. */
export function TableStep({ wizard, errorOf }: Props) {
  const { draft, update } = wizard
  const schemas = useQuery(schemasQuery(draft.credential ?? 0))
  return (
    <QueryView query={schemas}>
      {({ schemas: all }) => {
        const fallback = all.find((each) => each.default)?.name ?? ''
        const shown = draft.schema || fallback
        const chosen = all.find((each) => each.name === shown)
        return (
          <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
            <div className="space-y-4">
              <fieldset>
                <legend className="sr-only">New or existing</legend>
                <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
                  <OptionCard group="target" checked={draft.target === 'new'} onChoose={() => draft.target !== 'new' && update({ target: 'new', table: draft.other, other: draft.table })} title="New table">
                    Made on the first run, with columns and types as you map them.
                  </OptionCard>
                  <OptionCard group="target" checked={draft.target === 'existing'} onChoose={() => draft.target !== 'existing' && update({ target: 'existing', schema: shown, table: draft.other, other: draft.table })} title="Existing table">
                    Its columns, types and constraints decide.
                  </OptionCard>
                </div>
              </fieldset>
              <Field label="Schema" name="schema">
                {(props) => (
                  <Select {...props} value={shown} onChange={(event) => update({ schema: event.target.value, ...(draft.target === 'existing' ? { table: '' } : { other: '' }) })}>
                    {shown === '' && <option value="">The search path's</option>}
                    {all.map((each) => (
                      <option key={each.name} value={each.name}>
                        {each.name}
                        {draft.target === 'new' && !each.can_create ? ' (no right to make tables)' : ''}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
              {draft.target === 'new' ? (
                <div>
                  <Field label="Name of the table" name="table" required error={wizard.exists ? `A table “${draft.table.trim()}” exists already: choose another name, or load into it` : errorOf('table')} hint={chosen && !chosen.can_create ? `The user may not make tables in ${chosen.name}: the check will name the GRANT.` : 'Small letters and underscores need no quotes in SQL.'}>
                    {(props) => <Input {...props} value={draft.table} maxLength={63} spellCheck={false} autoComplete="off" className="font-mono" onChange={(event) => update({ table: event.target.value })} />}
                  </Field>
                  {wizard.exists && (
                    <Button size="sm" className="mt-2" onClick={() => update({ target: 'existing', schema: shown, table: draft.table.trim(), other: draft.table })}>
                      Load into the existing table
                    </Button>
                  )}
                </div>
              ) : (
                <TableList wizard={wizard} schema={shown} error={errorOf('table-search')} />
              )}
              {draft.target === 'new' && wizard.redshift && <TableLayout wizard={wizard} errorOf={errorOf} />}
            </div>
            {draft.target === 'new' ? <NewTable wizard={wizard} /> : <Existing wizard={wizard} />}
          </div>
        )
      }}
    </QueryView>
  )
}

function TableList({ wizard, schema, error }: { wizard: Wizard; schema: string; error?: string }) {
  const { draft, update } = wizard
  const query = useQuery(tablesQuery(draft.credential ?? 0, schema))
  const [typed, setTyped] = useState('')
  const search = useDeferredValue(typed.trim().toLowerCase())
  const fits = (table: TableInfo) => table.name.toLowerCase().includes(search)
  return (
    <div>
      <Field label="Table" name="table-search" error={error} hint="Type a part of its name.">
        {(props) => <Input {...props} type="search" value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={draft.table || 'Search tables'} autoComplete="off" spellCheck={false} />}
      </Field>
      <QueryView query={query} skeleton={<SkeletonLines lines={4} />}>
        {({ tables }) => {
          const found = tables.filter(fits)
          if (tables.length === 0) return <p className="mt-3 text-sm text-muted">There is no table in this schema yet. Choose “New table” to make one.</p>
          return (
            <fieldset className="mt-3 max-h-80 overflow-y-auto rounded-lg border border-line bg-surface">
              <legend className="sr-only">Tables of {schema}</legend>
              {found.length === 0 && <p className="p-3 text-sm text-muted">No table has “{typed}” in its name.</p>}
              {found.slice(0, 200).map((table) => (
                <label key={table.name} className="flex min-h-9 cursor-pointer items-center gap-2.5 border-b border-line px-3 py-1.5 text-sm last:border-0 has-checked:bg-accent-soft/60 has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent hover:bg-hover">
                  <input type="radio" name="table" checked={draft.table === table.name} onChange={() => update({ table: table.name, schema })} className="size-4.5 shrink-0 accent-accent outline-none" />
                  <span className="min-w-0 flex-1 truncate font-mono text-xs">{table.name}</span>
                  {!table.can_insert && <Badge tone="warn">no right to insert</Badge>}
                  <span className="shrink-0 text-xs text-muted">{table.rows < 0 ? '' : `about ${formatCompact(table.rows)} ${table.rows === 1 ? 'row' : 'rows'}`}</span>
                </label>
              ))}
              {found.length > 200 && <p className="p-3 text-xs text-muted">And {plural(found.length - 200, 'more table')}: type a part of the name.</p>}
            </fieldset>
          )
        }}
      </QueryView>
    </div>
  )
}

/** The DDL as it would run; it follows every change. What is wrong with a field or with the mapping shows there; here is why there is no DDL yet. */
export function NewTable({ wizard }: { wizard: Wizard }) {
  const { ddlState: query, suggestionState } = wizard
  const wrong = wizard.draft.table.trim() === '' ? 'the table has no name' : wizard.exists ? 'a table of this name exists already' : suggestionState.isSuccess ? obstacles(wizard, 'mapping')[0]?.message : undefined
  const failed = suggestionState.error ?? query.error
  const refused = !wrong && failed instanceof Problem && !failed.retryable ? failed : undefined
  return (
    <Card title="What will be made" description="The table's DDL, as it stands">
      {wrong ? (
        <p className="text-sm text-muted">It shows once this is right: {wrong}.</p>
      ) : refused ? (
        <p className="text-sm break-words text-muted">
          It shows once this is right: {refused.errors[0]?.message ?? (refused.detail || refused.title)}.{refused.fix && !refused.errors[0]?.location.startsWith('body.column_mappings') && ` ${sentence(refused.fix)}.`}
        </p>
      ) : failed instanceof Problem ? (
        <ErrorPanel error={new Problem({ title: 'The DDL could not be checked', code: failed.code, status: failed.status, detail: failed.detail || failed.title, fix: failed.fix, request_id: failed.requestId })} onRetry={() => void (suggestionState.error ? suggestionState : query).refetch()} />
      ) : failed ? (
        <ErrorPanel error={failed} onRetry={() => void (suggestionState.error ? suggestionState : query).refetch()} />
      ) : query.data ? (
        <>
          <CodeBlock label="DDL" code={query.data.ddl} />
          {query.data.notes.map((note) => (
            <p key={note} className="mt-3 flex gap-1.5 text-xs">
              <Info aria-hidden className="mt-px size-3.5 shrink-0 text-info-text" />
              <span className="min-w-0 break-words">{note}</span>
            </p>
          ))}
        </>
      ) : (
        <SkeletonLines lines={6} />
      )}
    </Card>
  )
}

const columns: DataColumn<Table['columns'][number]>[] = [
  {
    id: 'name',
    header: 'Column',
    cell: (each) => (
      <span className="inline-flex items-center gap-1.5 font-mono text-xs">
        {each.name}
        {each.primary_key && <KeyRound role="img" aria-label="primary key" className="size-3.5 text-warn-text" />}
      </span>
    ),
  },
  { id: 'type', header: 'Type', cell: (each) => <span className="font-mono text-xs text-muted">{each.type}</span> },
  {
    id: 'note',
    header: 'Filled',
    cell: (each) => <span className="text-xs text-muted">{each.generated ? 'by the database' : each.identity ? 'counted by the database' : each.required ? 'must be mapped' : each.default ? `else ${each.default}` : each.nullable ? 'may be empty' : 'never empty'}</span>,
  },
]

/** How Redshift keeps the table, above its columns and with each. */
function Kept({ table, layout }: { table: Table; layout: Layout }) {
  const facts = layoutInWords(layout)
  return (
    <>
      {facts.length > 0 && <Facts className="border-b border-line px-4 py-3 text-xs" items={facts.map(({ name, value }) => ({ name, value: <span className="font-mono">{value}</span> }))} />}
      <DataTable caption="Columns of the table" columns={columnsOf(layout)} rows={table.columns} rowKey={(each) => each.name} />
    </>
  )
}

function columnsOf({ dist_key, sort_keys = [], encodings }: Layout): typeof columns {
  const keyed = columns.map((column) => {
    if (column.id !== 'name') return column
    const cell: typeof column.cell = (each) => (
      <span className="inline-flex flex-wrap items-center gap-1.5">
        {column.cell(each)}
        {each.name === dist_key && <Badge>distribution key</Badge>}
        {sort_keys.includes(each.name) && <Badge>{sort_keys.length > 1 ? `sort key ${sort_keys.indexOf(each.name) + 1}` : 'sort key'}</Badge>}
      </span>
    )
    return { ...column, cell }
  })
  return encodings ? [...keyed, { id: 'encoding', header: 'Compression', cell: (each) => <span className="font-mono text-xs text-muted">{encodings[each.name] ?? '–'}</span> }] : keyed
}

function Existing({ wizard }: { wizard: Wizard }) {
  const { tableState, draft, redshift } = wizard
  // A name that is gone, or was never one of the list, is no choice.
  const gone = tableState.error instanceof Problem && tableState.error.code === 'table_not_found'
  if (!draft.table || gone) return <Card title="The table's columns"><p className="text-sm text-muted">Choose a table to see them.</p></Card>
  return (
    <QueryView query={tableState}>
      {(table) => (
        <Card title={`${table.schema}.${table.name}`} description={`${plural(table.columns.length, 'column')}${redshift && table.unique_indexes.length > 0 ? '; Redshift does not enforce its keys' : ''}`} flush>
          {table.layout ? <Kept table={table} layout={table.layout} /> : <DataTable caption="Columns of the table" columns={columns} rows={table.columns} rowKey={(each) => each.name} />}
        </Card>
      )}
    </QueryView>
  )
}
