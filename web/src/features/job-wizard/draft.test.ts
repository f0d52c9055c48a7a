import type { Job } from '@/shared/api/model'
import { reference } from './catalog'
import { basisOf, draftOf, emptyDraft, inputOf, mappingsOf, tableNameOf, type Draft } from './draft'
import { completionsFor, spanOf, wordAt } from './expression-editor'
import { encodingsOf, layoutObstacles, optionsOf } from './layout'

test.each([
  ['Sales 2024.csv', 'sales_2024'],
  ['2024-orders.CSV', 't_2024_orders'],
  ['Übersicht (neu).csv.gz', 'ubersicht_neu'],
  ['....csv', 't'],
  [`${'x'.repeat(80)}.tsv`, 'x'.repeat(63)],
])('a file %s goes into a table %s', (filename, table) => {
  expect(tableNameOf(filename)).toBe(table)
})

test('what is empty is not sent', () => {
  expect(mappingsOf([{ key: '0', source: 'a', destination: ' b ', type: ' ', format: '', expression: '', default: '', transformations: [], required: false }])).toEqual([{ destination: 'b', source: 'a' }])
  expect(mappingsOf([{ key: '0', destination: 'b', expression: 'a + 1', null_values: [] }])).toEqual([{ destination: 'b', expression: 'a + 1', null_values: [] }])
})

test('keys and bounds go along only where they count', () => {
  const draft = { ...emptyDraft('a.csv'), credential: 3, keys: ['id'], maxRows: '5', maxPercent: '2.5' }
  const insert = inputOf(draft, [], 'file')
  expect(insert.upsert_keys).toBeUndefined()
  expect(insert.on_bad_row).toEqual({ mode: 'fail' })
  const upsert = inputOf({ ...draft, strategy: 'UPSERT', onBadRow: 'skip' }, [], 'file')
  expect(upsert).toMatchObject({ upsert_keys: ['id'], duplicate_keys: 'last', on_bad_row: { mode: 'skip', max_rows: 5, max_ratio: 0.025 } })
})

test('a job becomes a draft and the same job again', () => {
  const job: Job = {
    id: 7,
    name: 'Orders',
    file_id: 'file',
    credential_id: 3,
    schema: 'public',
    table: 'orders',
    create_table: true,
    table_options: { dist_style: 'KEY', dist_key: 'id', sort_style: 'COMPOUND', sort_keys: ['id'], encodings: { id: 'RAW' } },
    load_strategy: 'UPSERT',
    upsert_keys: ['id'],
    duplicate_keys: 'first',
    batch_size: 1000,
    on_bad_row: { mode: 'skip', max_ratio: 0.07 },
    filter: 'id > 1',
    orchestrator: 'airflow',
    column_mappings: [{ destination: 'id', source: 'ID', transformations: [{ fn: 'LEFT', args: [3] }] }],
    version: 4,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  }
  const draft = draftOf(job, false)
  expect(draft.basis).toBe(basisOf(draft))
  const { id, version, created_at, updated_at, ...input } = job
  expect({ id, version, created_at, updated_at }).toBeTruthy()
  expect(inputOf(draft, draft.columns ?? [], 'file')).toEqual(input)
  expect(inputOf(draftOf(job, true), [], 'file').create_table).toBe(false)
})

test('a new name for a new table keeps the mapping; another table is matched anew', () => {
  const draft = { ...emptyDraft('a.csv'), credential: 3 }
  expect(basisOf({ ...draft, table: 'x' })).toBe(basisOf(draft))
  expect(basisOf({ ...draft, target: 'existing', table: 'x' })).not.toBe(basisOf({ ...draft, target: 'existing', table: 'y' }))
})

test('columns are named as expressions need it', () => {
  expect(reference('amount')).toBe('amount')
  expect(reference('Größe')).toBe('Größe')
  expect(reference('Unit "Price"')).toBe('col("Unit \\"Price\\"")')
  expect(reference('and')).toBe('col("and")')
})

test('the word under the caret is completed by columns, then functions', () => {
  expect(wordAt('round(unit_pr, 2)', 13)).toEqual({ word: 'unit_pr', start: 6 })
  expect(wordAt('a + ', 4)).toEqual({ word: '', start: 4 })
  const found = completionsFor('un', ['Unit Price', 'unit', 'amount'])
  expect(found.map(({ insert }) => insert).slice(0, 2)).toEqual(['col("Unit Price")', 'unit'])
  expect(found.map(({ insert }) => insert)).toContain('round(')
  expect(found.map(({ insert }) => insert)).toContain('amount')
})

test('a position in characters marks the right part, also behind an emoji and on another line', () => {
  const text = "'😀' + 1 +\nunit_pric * 2"
  const { start, end } = spanOf(text, { line: 2, column: 1, length: 9 })
  expect(text.slice(start, end)).toBe('unit_pric')
  const first = spanOf(text, { line: 1, column: 7, length: 1 })
  expect(text.slice(first.start, first.end)).toBe('1')
  expect(spanOf('a >', { line: 1, column: 4, length: 1 })).toEqual({ start: 3, end: 3 })
})

test('options of a new table are sent where they say something, and name mapped columns', () => {
  const draft: Draft = { ...emptyDraft('a.csv'), credential: 3 }
  const sent = (tableOptions: Draft['tableOptions'], target: Draft['target'] = 'new') => inputOf({ ...draft, target, tableOptions }, [], 'file').table_options
  expect(sent({})).toBeUndefined()
  expect(sent({ dist_style: 'AUTO', dist_key: 'id', sort_style: 'AUTO', sort_keys: ['id'], encodings: {} })).toBeUndefined()
  const all = { dist_style: 'KEY', dist_key: 'id', sort_style: 'COMPOUND', sort_keys: ['day', 'id'], encodings: { note: 'ZSTD' } } as const
  expect(sent({ ...all, sort_keys: [...all.sort_keys] })).toEqual(all)
  expect(sent({ ...all, sort_keys: [...all.sort_keys] }, 'existing')).toBeUndefined()
  expect(optionsOf({ dist_key: 'id', sort_keys: ['id'] })).toEqual({ dist_style: 'KEY', dist_key: 'id', sort_style: 'COMPOUND', sort_keys: ['id'] })

  const columns = [{ key: '0', source: 'id', destination: 'id' }]
  expect(layoutObstacles({}, columns)).toEqual([])
  expect(layoutObstacles({ dist_style: 'KEY', sort_style: 'COMPOUND' }, columns).map((each) => each.name)).toEqual(['dist-key', 'sort-add'])
  expect(layoutObstacles({ dist_style: 'KEY', dist_key: 'gone', encodings: { gone: 'RAW' } }, columns).map((each) => each.name)).toEqual(['dist-key', 'encode-add'])
  expect(layoutObstacles({ sort_style: 'INTERLEAVED', sort_keys: Array.from({ length: 9 }, () => 'id') }, columns)).toEqual([{ name: 'sort-add', message: 'At most 8 columns sort rows' }])
})

test.each([
  ['integer', 'AZ64', 'TEXT255'],
  ['timestamptz', 'AZ64', 'DELTA'],
  ['boolean', 'RUNLENGTH', 'AZ64'],
  ['numeric(10,2)', 'MOSTLY32', 'TEXT32K'],
  ['jsonb', 'LZO', 'BYTEDICT'],
  ['varchar(10)', 'TEXT255', 'AZ64'],
  [undefined, 'ZSTD', 'AZ64'],
])('encodings of %s', (type, has, lacks) => {
  expect(encodingsOf(type)).toContain(has)
  expect(encodingsOf(type)).not.toContain(lacks)
})
