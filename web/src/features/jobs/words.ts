import type { ColumnMapping, TableOptions } from '@/shared/api/model'
import { optionsInWords } from '@/shared/lib/table-options'

/** Steps as the mapping language writes them: "TRIM, REPLACE('ü', 'ue')". */
export function stepsInWords(steps: ColumnMapping['transformations']): string {
  return (steps ?? []).map(({ fn, args }) => (args && args.length > 0 ? `${fn}(${args.map((each) => (typeof each === 'string' ? `'${each}'` : JSON.stringify(each))).join(', ')})` : fn)).join(', ')
}

const names: Record<string, string> = {
  name: 'Name',
  file_id: 'File',
  credential_id: 'Destination',
  schema: 'Schema',
  table: 'Table',
  create_table: 'Makes its table',
  table_options: 'Table options',
  load_strategy: 'Strategy',
  upsert_keys: 'Key',
  duplicate_keys: 'Duplicates',
  on_bad_row: 'Bad rows',
  filter: 'Filter',
  batch_size: 'Rows a chunk',
  source: 'from',
  type: 'type',
  format: 'format',
  transformations: 'steps',
  expression: 'expression',
  default: 'instead of NULL',
  null_values: 'words for NULL',
  required: 'NULL is bad',
}

/** A field of a job or of a column, as people call it. */
export function fieldName(field: string): string {
  return names[field] ?? field
}

/** A field's value in a change. */
export function fieldInWords(field: string, value: unknown): string {
  if (field === 'table_options' && typeof value === 'object' && value !== null) return optionsInWords(value as TableOptions).map((each) => `${each.name.toLowerCase()} ${each.value}`).join('; ') || '–'
  return valueInWords(value)
}

/** A value of a change as text; nothing is "–". */
export function valueInWords(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–'
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) {
    if (value.length === 0) return '–'
    if (value.every((each) => typeof each === 'object' && each !== null && 'fn' in each)) return stepsInWords(value as ColumnMapping['transformations'])
    return value.map((each) => (each === '' ? 'empty' : valueInWords(each))).join(', ')
  }
  if (typeof value === 'object') {
    const parts = Object.entries(value).map(([key, each]) => `${key.replaceAll('_', ' ')} ${valueInWords(each)}`)
    return parts.length > 0 ? parts.join(', ') : '–'
  }
  return JSON.stringify(value)
}
