import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { Problem } from '@/shared/api/problem'
import type { Credential, Job, JobInput, Metadata } from '@/shared/api/model'
import { credentialQuery } from '@/shared/api/queries'
import { useDebounced } from '@/shared/lib/use-debounced'
import { basisOf, inputOf, rowsOf, type Draft, type DraftColumn } from './draft'
import { layoutObstacles } from './layout'
import { suggestQuery, tableQuery, validateQuery, type Checked, type Suggestion, type Table } from './queries'

export const steps = [
  { id: 'destination', label: 'Destination' },
  { id: 'table', label: 'Table' },
  { id: 'mapping', label: 'Mapping' },
  { id: 'load', label: 'Load' },
  { id: 'check', label: 'Check and run' },
] as const
export type StepId = (typeof steps)[number]['id']

/** A thing that keeps a person from going on, with the field that it is about. */
export interface Obstacle {
  name: string
  message: string
}

/** All that the steps share: what was decided, what is known of the file and of the table. */
export interface Wizard {
  file: Metadata
  /** The job that is changed; absent for a new one. */
  job?: Job
  /** The database; undefined until it is chosen and read. */
  credential?: Credential
  redshift: boolean
  draft: Draft
  update: (change: Partial<Draft>) => void
  columns: DraftColumn[]
  setColumns: (columns: DraftColumn[]) => void
  /** The table that exists; undefined for a new one, and until it is read. */
  table?: Table
  tableState: UseQueryResult<Table>
  suggestion?: Suggestion
  suggestionState: UseQueryResult<Suggestion>
  input: JobInput
  /** The check of a new table's DDL. */
  ddlState: UseQueryResult<Checked>
  /** The new table is there already. */
  exists: boolean
}

const noColumns: DraftColumn[] = []

export function useWizard(file: Metadata, job: Job | undefined, draft: Draft, update: (change: Partial<Draft>) => void): Wizard {
  const { credential, target, schema, table: name } = draft
  const database = useQuery({ ...credentialQuery(credential ?? 0), enabled: credential !== null }).data
  const tableState = useQuery({ ...tableQuery(credential ?? 0, schema, name), enabled: credential !== null && target === 'existing' && name !== '' })
  const table = target === 'existing' ? tableState.data : undefined
  const suggestionState = useQuery({
    ...suggestQuery({ file_id: file.file_id, credential_id: credential ?? 0, ...(schema ? { schema } : {}), table: target === 'new' ? 'new_table' : name, create_table: target === 'new' }),
    enabled: credential !== null && (target === 'new' || table !== undefined),
  })
  const suggestion = suggestionState.data
  const basis = basisOf(draft)
  const kept = draft.basis === basis ? draft.columns : null
  const columns = useMemo(() => kept ?? (suggestion ? rowsOf(suggestion.column_mappings) : noColumns), [kept, suggestion])
  const setColumns = useCallback((next: DraftColumn[]) => update({ basis, columns: next }), [update, basis])
  const input = useMemo(() => inputOf(draft, columns, file.file_id), [draft, columns, file.file_id])
  // Neither the job's name nor keys that are not chosen yet change the DDL.
  const checked = useDebounced({ ...input, name: 'check', load_strategy: input.upsert_keys?.length ? input.load_strategy : ('INSERT' as const) }, 300)
  const ddlState = useQuery({ ...validateQuery(checked), enabled: target === 'new' && checked.create_table === true && suggestion !== undefined && checked.table !== '' && checked.credential_id > 0 && (checked.column_mappings?.length ?? 0) > 0, placeholderData: (before) => before })
  const exists = target === 'new' && checked.create_table === true && checked.table === input.table && checked.schema === input.schema && ddlState.error instanceof Problem && ddlState.error.code === 'table_exists'
  return { file, job, credential: database, redshift: database?.type === 'redshift', draft, update, columns, setColumns, table, tableState, suggestion, suggestionState, input, ddlState, exists }
}

/** The portal's words as the beginning of a sentence, without its end. */
export function sentence(words: string): string {
  return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`.replace(/\.$/, '')
}

/** What is missing in a step; empty where one can go on. */
export function obstacles(wizard: Wizard, step: StepId): Obstacle[] {
  const { draft, columns, table } = wizard
  const found: Obstacle[] = []
  const add = (name: string, message: string) => void found.push({ name, message })
  if (step === 'destination' && draft.credential === null) add('credential', 'Choose the database to load into')
  if (step === 'table') {
    if (draft.target === 'new' && !draft.table.trim()) add('table', 'Name the new table')
    if (wizard.exists) add('table', `A table “${draft.table.trim()}” exists already`)
    if (draft.target === 'existing' && !draft.table) add('table-search', 'Choose a table')
    if (draft.target === 'existing' && draft.table && wizard.tableState.isError) add('table-search', 'Choose a table that can be read')
    if (draft.target === 'new' && wizard.redshift) found.push(...layoutObstacles(draft.tableOptions, columns))
  }
  if (step === 'mapping') {
    if (columns.length === 0) add('mapping', wizard.suggestionState.isPending ? 'The columns are still being matched' : 'Map at least one column')
    const seen = new Map<string, string>()
    for (const each of columns) {
      const where = `column-${each.key}`
      const name = each.destination.trim()
      if (!name) add(where, `${each.source ? `“${each.source}”` : 'A calculated column'} needs a column of the table`)
      else if (seen.has(name)) add(where, `Two columns go into “${name}”`)
      seen.set(name, each.key)
      if (!each.source && !each.expression?.trim()) add(where, `“${name || 'A calculated column'}” needs a column of the file or an expression`)
    }
    for (const each of table?.columns ?? []) if (each.required && !seen.has(each.name)) add(`fill-${each.name}`, `“${each.name}” may not be empty: say what fills it`)
  }
  if (step === 'load') {
    if (draft.strategy === 'UPSERT' && draft.keys.length === 0) add('keys', 'Choose the columns that tell which rows are the same')
    const gone = draft.strategy === 'UPSERT' ? draft.keys.filter((key) => !columns.some((each) => each.destination === key)) : []
    if (gone.length > 0) add('keys', `The key ${gone.map((key) => `“${key}”`).join(', ')} is not among the mapped columns`)
    if (draft.maxRows && !/^[1-9]\d{0,14}$/.test(draft.maxRows)) add('max-rows', 'Bad rows: give a whole number of at least 1, or nothing')
    if (draft.maxPercent && !(Number(draft.maxPercent) > 0 && Number(draft.maxPercent) <= 100)) add('max-percent', 'Share of bad rows: give a number up to 100, or nothing')
    if (draft.batchSize && !/^[1-9]\d{0,11}$/.test(draft.batchSize)) add('batch-size', 'Rows a chunk: give a whole number, or nothing')
  }
  if (step === 'check' && !draft.name.trim()) add('name', 'Give the job a name')
  return found
}

/** The first step with something missing; steps behind it cannot be reached yet. */
export function firstOpen(wizard: Wizard): StepId {
  return steps.find(({ id }) => id !== 'check' && obstacles(wizard, id).length > 0)?.id ?? 'check'
}
