import { screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { routes } from './routes'

const file = '00000000-0000-0000-0000-000000000001'
const statistics = { rows: 2, nulls: 0, empty: 0, distinct: 2, distinct_exact: true, min: null, max: null, min_length: 1, max_length: 1, mean: null, mean_length: 1, top_values: [], top_exact: true }
const column = (name: string, type: string) => ({ name, type, nullable: false, confidence: 1, evidence: [], statistics })

const warehouse = { id: 3, name: 'Warehouse', type: 'postgresql', host: 'db', port: 5432, database: 'w', username: 'u', options: {} }

function portal(credential = warehouse) {
  server.use(
    json('get', '/api/v1/credentials/3', credential),
    json('get', `/api/v1/sources/csv/${file}/metadata`, {
      file_id: file,
      filename: 'stock.csv',
      columns: [column('sku', 'text'), column('quantity', 'integer')],
      row_count: 2,
      profile: { state: 'complete' },
    }),
    json('get', '/api/v1/credentials', { items: [credential] }),
    json('post', '/api/v1/destinations/3/schemas', { schemas: [{ name: 'public', can_create: true, default: true }] }),
    json('post', '/api/v1/jobs/suggest', {
      column_mappings: [
        { source: 'sku', destination: 'sku', type: 'text' },
        { source: 'quantity', destination: 'quantity', type: 'integer' },
      ],
      matches: [{ source: 'sku', destination: 'sku', exact: true, score: 1, reason: 'same name' }],
      candidates: [],
      unmatched_sources: [],
      unmatched_destinations: [],
      ddl: 'CREATE TABLE stock ()',
    }),
    json('post', '/api/v1/jobs/validate', { ddl: 'CREATE TABLE stock (sku text)', notes: [] }),
    json('post', `/api/v1/sources/csv/${file}/fits`, {
      column: 'sku',
      complete: true,
      rows_tried: 2,
      found: { type: 'text' },
      choices: [{ type: 'text', fits: true, rejected: 0 }, { type: 'integer', fits: false, rejected: 1, counter_example: { line: 3, value: 'A-2', code: 'not_integer', reason: "'A-2' is not integer" } }],
    }),
    http.post('http://localhost:3000/api/v1/jobs/preview', async ({ request }) => {
      const { column_mappings } = (await request.json()) as { column_mappings: { destination: string }[] }
      return HttpResponse.json({
        sources: ['sku', 'quantity'],
        columns: column_mappings.map(({ destination }) => ({ destination, type: 'text' })),
        errors: [],
        rows: [{ line: 2, source: ['A-1', '5'], result: 'loaded', values: column_mappings.map(() => 'A-1') }],
        notes: [],
        offset: 0,
        limit: 8,
        next_offset: null,
        total_rows: 2,
        total_rows_exact: true,
      })
    }),
  )
}

test('a step that lacks something says what, and a link to a later step opens the one that is missing', async () => {
  portal()
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}&step=check`)
  expect(await screen.findByRole('heading', { name: 'Into which database?' })).toBeVisible()
  await screen.findByRole('radio', { name: /Warehouse/ })
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Choose the database to load into')
  await user.click(screen.getByRole('radio', { name: /Warehouse/ }))
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  expect(await screen.findByRole('heading', { name: 'Into which table?' })).toHaveFocus()
  expect(await screen.findByLabelText('Name of the table')).toHaveValue('stock')
})

test('the draft is there again after a reload, with a type that does not fit and its counter-example', async () => {
  portal()
  const user = userEvent.setup()
  const first = renderRoutes(routes, `/jobs/new?file=${file}`)
  await user.click(await screen.findByRole('radio', { name: /Warehouse/ }))
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await screen.findByLabelText('Name of the table')
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await user.click(await screen.findByRole('button', { name: /^sku\s*to\s*sku/ }))
  await user.selectOptions(await screen.findByLabelText('Type'), 'integer')
  expect(await screen.findByText('1 row of 2 does not fit integer')).toBeVisible()
  expect(screen.getByText("'A-2' is not integer")).toBeVisible()
  first.unmount()
  renderRoutes(routes, `/jobs/new?file=${file}&step=mapping&col=0`)
  expect(await screen.findByLabelText('Type')).toHaveValue('integer')
})

test('a name that is taken is said at the field, and the draft stays', async () => {
  portal()
  server.use(
    json('post', '/api/v1/jobs/dry-run', { counts: { rows_read: 2, rows_loaded: 2, rows_inserted: 2, rows_updated: 0, rows_filtered: 0, rows_rejected: 0, rows_deduplicated: 0 }, rows_unchanged: 0, complete: true, sql: [], columns: [], samples: [], rejects: [], notes: [] }),
    problem('post', '/api/v1/jobs', 409, { code: 'duplicate_name', title: 'Conflict', detail: 'a job named Stock is there' }),
  )
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await user.click(await screen.findByRole('radio', { name: /Warehouse/ }))
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await screen.findByLabelText('Name of the table')
  await user.click(await screen.findByRole('button', { name: /Check and run/ }))
  expect(await screen.findByText('The whole file fits')).toBeVisible()
  await user.type(screen.getByLabelText('Name of the job'), 'Stock')
  await user.click(screen.getByRole('button', { name: 'Create without running' }))
  expect(await screen.findByText('Another job has this name')).toBeVisible()
  await waitFor(() => expect(localStorage.getItem(`etlportal.draft.job-wizard.${file}`)).toContain('"name":"Stock"'))
})

test('a new table that exists is said at its name, holds up the step, and is loaded into by a press', async () => {
  portal()
  const asked: string[] = []
  server.use(
    problem('post', '/api/v1/jobs/validate', 422, { code: 'table_exists', title: 'Unprocessable Entity', detail: 'the table public.stock exists already', errors: [{ location: 'body.table', message: 'the table public.stock exists already' }] }),
    json('post', '/api/v1/destinations/3/tables', { tables: [{ name: 'stock', rows: 1, can_insert: true }] }),
    http.post('http://localhost:3000/api/v1/destinations/3/schema', async ({ request }) => {
      asked.push(((await request.json()) as { table: string }).table)
      return HttpResponse.json({ schema: 'public', name: 'stock', columns: [{ name: 'sku', type: 'text', nullable: true, required: false, primary_key: false }], unique_indexes: [] })
    }),
  )
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await user.click(await screen.findByRole('radio', { name: /Warehouse/ }))
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  expect(await screen.findByText(/^A table “stock” exists already/)).toBeVisible()
  expect(screen.queryByText(/Unprocessable|body\./)).toBeNull()
  expect(screen.queryByText(', done')).toHaveTextContent('done')
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  expect(screen.getByRole('heading', { name: 'Into which table?' })).toBeVisible()
  // The proposed name of a new table is no choice of an existing one.
  await user.click(screen.getByRole('radio', { name: /Existing table/ }))
  expect(await screen.findByText('Choose a table to see them.')).toBeVisible()
  expect(await screen.findByText('about 1 row')).toBeVisible()
  expect(asked).toEqual([])
  await user.click(screen.getByRole('radio', { name: /New table/ }))
  await user.click(await screen.findByRole('button', { name: 'Load into the existing table' }))
  expect(await screen.findByRole('radio', { name: /^stock/ })).toBeChecked()
  await waitFor(() => expect(asked).toEqual(['stock']))
})

test('two columns into one are said at the name, and no row is shown as loaded', async () => {
  portal()
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await user.click(await screen.findByRole('radio', { name: /Warehouse/ }))
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await screen.findByLabelText('Name of the table')
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await user.click(await screen.findByRole('button', { name: /^quantity\s*to\s*quantity/ }))
  expect(await screen.findByRole('region', { name: 'Rows as they will be' })).toBeVisible()
  const into = screen.getByLabelText('Into')
  await user.clear(into)
  await user.type(into, 'sku')
  expect(into).toHaveAccessibleDescription(/^Another column goes into “sku” already/)
  expect(screen.queryByRole('region', { name: 'Rows as they will be' })).toBeNull()
  expect(screen.getAllByText('It shows once this is right: Two columns go into “sku”.')).toHaveLength(2)
})

test('a file without rows is warned of', async () => {
  portal()
  server.use(json('post', '/api/v1/jobs/dry-run', { counts: { rows_read: 0, rows_loaded: 0, rows_inserted: 0, rows_updated: 0, rows_filtered: 0, rows_rejected: 0, rows_deduplicated: 0 }, rows_unchanged: 0, complete: true, sql: [], columns: [], samples: [], rejects: [], notes: [] }))
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await user.click(await screen.findByRole('radio', { name: /Warehouse/ }))
  await user.click(await screen.findByRole('button', { name: /Check and run/ }))
  expect(await screen.findByText('The file has a header and no rows; the run will load nothing')).toBeVisible()
})

test('transformations are added, given arguments, ordered and removed', async () => {
  portal()
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await user.click(await screen.findByRole('radio', { name: /Warehouse/ }))
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await screen.findByLabelText('Name of the table')
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await user.click(await screen.findByRole('button', { name: /^sku\s*to\s*sku/ }))
  await user.selectOptions(screen.getByLabelText('Add a step to sku'), 'TRIM')
  await user.selectOptions(screen.getByLabelText('Add a step to sku'), 'LEFT')
  await user.type(screen.getByLabelText('n of step 2 of sku'), '3')
  await user.click(screen.getByRole('button', { name: 'Move LEFT up' }))
  await user.click(screen.getByRole('button', { name: 'Remove TRIM' }))
  const kept = JSON.parse(localStorage.getItem(`etlportal.draft.job-wizard.${file}`) ?? '{}') as { columns: { transformations: unknown }[] }
  expect(kept.columns[0]?.transformations).toEqual([{ fn: 'LEFT', args: [3] }])
})
