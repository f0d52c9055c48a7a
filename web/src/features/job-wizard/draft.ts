import { useCallback, useEffect, useState } from 'react'
import * as z from 'zod'
import type { ColumnMapping, Job, JobInput } from '@/shared/api/model'
import { readStored, writeStored } from '@/shared/lib/storage'
import { chosen, optionsOf } from './layout'

const column = z.object({
  /** Names the row on the page; of no meaning to the portal. */
  key: z.string(),
  source: z.string().optional(),
  destination: z.string(),
  type: z.string().optional(),
  format: z.string().optional(),
  transformations: z.array(z.object({ fn: z.string(), args: z.array(z.unknown()).optional() })).optional(),
  /** Also while it is still empty: the row is a calculated one. */
  expression: z.string().optional(),
  default: z.string().optional(),
  null_values: z.array(z.string()).optional(),
  required: z.boolean().optional(),
})

const tableOptions = z.object({
  dist_style: z.enum(['AUTO', 'EVEN', 'ALL', 'KEY']).optional(),
  dist_key: z.string().optional(),
  sort_style: z.enum(['AUTO', 'COMPOUND', 'INTERLEAVED']).optional(),
  sort_keys: z.array(z.string()).optional(),
  encodings: z.record(z.string(), z.string()).optional(),
})

const draft = z.object({
  name: z.string(),
  credential: z.number().nullable(),
  target: z.enum(['new', 'existing']),
  schema: z.string(),
  table: z.string(),
  /** The name for the other target: that of a new table is no existing one's. */
  other: z.string().default(''),
  /** How Redshift keeps the new table; empty for other databases. */
  tableOptions: tableOptions.default({}),
  /** Which table the columns are for; those for another one are matched anew. */
  basis: z.string(),
  columns: z.array(column).nullable(),
  strategy: z.enum(['INSERT', 'UPSERT', 'TRUNCATE_INSERT']),
  keys: z.array(z.string()),
  duplicates: z.enum(['last', 'first', 'fail']),
  onBadRow: z.enum(['fail', 'skip']),
  maxRows: z.string(),
  maxPercent: z.string(),
  filter: z.string(),
  batchSize: z.string(),
  /** What starts its runs by schedule. */
  orchestrator: z.enum(['native', 'airflow']),
  /** The version of the job that is being changed. */
  version: z.number().nullable(),
})

/** What a person has decided so far; it survives a reload. */
export type Draft = z.output<typeof draft>
/** A column as it is being mapped. */
export type DraftColumn = z.output<typeof column>

/** A name for a table made of a file's: "Sales 2024.csv" → "sales_2024". */
export function tableNameOf(filename: string): string {
  const name = filename
    .replace(/(\.(csv|tsv|txt|tab|psv|gz|zip|zst))+$/i, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 63)
  return /^[a-z]/.test(name) ? name : `t_${name}`.replace(/_$/, '').slice(0, 63)
}

export function emptyDraft(filename: string): Draft {
  return {
    name: '',
    credential: null,
    target: 'new',
    schema: '',
    table: tableNameOf(filename),
    other: '',
    tableOptions: {},
    basis: '',
    columns: null,
    strategy: 'INSERT',
    keys: [],
    duplicates: 'last',
    onBadRow: 'fail',
    maxRows: '',
    maxPercent: '',
    filter: '',
    batchSize: '',
    orchestrator: 'native',
    version: null,
  }
}

/** The draft that stands for a job as it is. A table that the job has made is there by now. */
export function draftOf(job: Job, tableExists: boolean): Draft {
  const made: Draft = {
    name: job.name,
    credential: job.credential_id,
    target: job.create_table && !tableExists ? 'new' : 'existing',
    schema: job.schema,
    table: job.table,
    other: '',
    tableOptions: optionsOf(job.table_options),
    basis: '',
    columns: job.column_mappings.length > 0 ? rowsOf(job.column_mappings) : null,
    strategy: job.load_strategy,
    keys: job.upsert_keys,
    duplicates: job.duplicate_keys === 'first' || job.duplicate_keys === 'fail' ? job.duplicate_keys : 'last',
    onBadRow: job.on_bad_row.mode === 'skip' ? 'skip' : 'fail',
    maxRows: job.on_bad_row.max_rows ? String(job.on_bad_row.max_rows) : '',
    maxPercent: job.on_bad_row.max_ratio ? String(Number((job.on_bad_row.max_ratio * 100).toFixed(6))) : '',
    filter: job.filter ?? '',
    batchSize: job.batch_size ? String(job.batch_size) : '',
    orchestrator: job.orchestrator,
    version: job.version,
  }
  return { ...made, basis: basisOf(made) }
}

export function rowsOf(mappings: ColumnMapping[]): DraftColumn[] {
  return mappings.map((each, i) => ({ ...each, key: `${i}` }))
}

/** What the mapping depends on: a new table takes the file's columns whatever its name is. */
export function basisOf({ credential, target, schema, table }: Pick<Draft, 'credential' | 'target' | 'schema' | 'table'>): string {
  return target === 'new' ? `new ${credential ?? ''}` : `table ${credential ?? ''} ${schema} ${table}`
}

/** Columns as the portal takes them: what is empty is left out. */
export function mappingsOf(columns: DraftColumn[]): ColumnMapping[] {
  return columns.map(({ source, destination, type, format, transformations, expression, default: fallback, null_values, required }) => ({
    destination: destination.trim(),
    ...(source ? { source } : {}),
    ...(type?.trim() ? { type: type.trim() } : {}),
    ...(format?.trim() ? { format: format.trim() } : {}),
    ...(transformations?.length ? { transformations } : {}),
    ...(expression?.trim() ? { expression } : {}),
    ...(fallback ? { default: fallback } : {}),
    ...(null_values ? { null_values } : {}),
    ...(required ? { required } : {}),
  }))
}

/** The job that the draft makes. */
export function inputOf(draft: Draft, columns: DraftColumn[], file: string): JobInput {
  const rows = Number(draft.maxRows)
  const percent = Number(draft.maxPercent)
  const batch = Number(draft.batchSize)
  const options = draft.target === 'new' ? chosen(draft.tableOptions) : undefined
  return {
    name: draft.name.trim(),
    file_id: file,
    credential_id: draft.credential ?? 0,
    ...(draft.schema ? { schema: draft.schema } : {}),
    table: draft.table.trim(),
    create_table: draft.target === 'new',
    ...(options ? { table_options: options } : {}),
    orchestrator: draft.orchestrator,
    load_strategy: draft.strategy,
    ...(draft.strategy === 'UPSERT' ? { upsert_keys: draft.keys, duplicate_keys: draft.duplicates } : {}),
    on_bad_row: { mode: draft.onBadRow, ...(draft.onBadRow === 'skip' && rows > 0 ? { max_rows: rows } : {}), ...(draft.onBadRow === 'skip' && percent > 0 ? { max_ratio: percent / 100 } : {}) },
    ...(draft.filter.trim() ? { filter: draft.filter } : {}),
    ...(batch > 0 ? { batch_size: batch } : {}),
    column_mappings: mappingsOf(columns),
  }
}

/** The draft under a name in this browser, and how to change and to forget it. */
export function useDraft(name: string, initial: Draft): { draft: Draft; update: (change: Partial<Draft>) => void; forget: () => void; restored: boolean } {
  const [{ value, dirty, restored }, setState] = useState(() => {
    const kept = readStored(name, draft)
    return { value: kept ?? initial, dirty: kept !== null, restored: kept !== null }
  })
  useEffect(() => {
    if (dirty) writeStored(name, value)
  }, [name, value, dirty])
  const update = useCallback((change: Partial<Draft>) => setState((before) => ({ ...before, value: { ...before.value, ...change }, dirty: true })), [])
  const forget = useCallback(() => {
    writeStored(name, null)
    setState({ value: initial, dirty: false, restored: false })
  }, [name, initial])
  return { draft: value, update, forget, restored }
}
