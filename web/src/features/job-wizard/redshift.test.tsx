import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import type { JobInput } from '@/shared/api/model'
import { renderRoutes } from '@/shared/test/render'
import { json, server } from '@/shared/test/server'
import { routes } from './routes'

const file = '00000000-0000-0000-0000-000000000002'
const warehouse = { id: 3, name: 'Shop', type: 'redshift', host: '', port: 5439, database: 'dev', username: '', options: { access: 'data_api', workgroup: 'shop' } }
const statistics = { rows: 2, nulls: 0, empty: 0, distinct: 2, distinct_exact: true, min: null, max: null, min_length: 1, max_length: 1, mean: null, mean_length: 1, top_values: [], top_exact: true }
const columns = [['order_id', 'integer'], ['ordered_at', 'date'], ['note', 'text']].map(([name = '', type = '']) => ({ name, type, nullable: false, confidence: 1, evidence: [], statistics }))

/** A portal with a warehouse; it keeps what it is asked to check, and refuses what `refuse` says. */
function portal(refuse?: (job: JobInput) => { location: string; message: string } | undefined): { job?: JobInput } {
  const asked: { job?: JobInput } = {}
  server.use(
    json('get', `/api/v1/sources/csv/${file}/metadata`, { file_id: file, filename: 'orders.csv', columns, row_count: 2, profile: { state: 'complete' } }),
    json('get', '/api/v1/credentials', { items: [warehouse] }),
    json('get', '/api/v1/credentials/3', warehouse),
    json('post', '/api/v1/destinations/3/schemas', { schemas: [{ name: 'public', can_create: true, default: true }] }),
    json('post', '/api/v1/destinations/3/tables', { schema: 'public', tables: [{ schema: 'public', name: 'orders', kind: 'table', rows: -1, can_insert: true }] }),
    json('post', '/api/v1/destinations/3/schema', { schema: 'public', name: 'orders', columns: columns.map(({ name, type }) => ({ name, type, nullable: true, required: false })), unique_indexes: [] }),
    json('post', '/api/v1/jobs/suggest', {
      column_mappings: columns.map(({ name, type }) => ({ source: name, destination: name, type })),
      matches: columns.map(({ name }) => ({ source: name, destination: name, exact: true, score: 1, reason: 'same name' })),
      candidates: [],
      unmatched_sources: [],
      unmatched_destinations: [],
      ddl: '',
    }),
    json('post', '/api/v1/jobs/preview', { sources: [], columns: [], errors: [], rows: [], notes: [], offset: 0, limit: 8, next_offset: null, total_rows: 2, total_rows_exact: true }),
    http.post('http://localhost:3000/api/v1/jobs/validate', async ({ request }) => {
      asked.job = (await request.json()) as JobInput
      const wrong = refuse?.(asked.job)
      if (wrong) return HttpResponse.json({ type: 'urn:etlportal:error:bad_encoding', title: 'Refused', detail: wrong.message, code: 'bad_encoding', fix: 'Use ZSTD', status: 422, errors: [wrong], request_id: 'r' }, { status: 422 })
      return HttpResponse.json({ ddl: `CREATE TABLE orders ()\nDISTSTYLE ${asked.job.table_options?.dist_style ?? 'AUTO'}`, notes: [] })
    }),
  )
  return asked
}

async function toTable(user: ReturnType<typeof userEvent.setup>) {
  await user.click(await screen.findByRole('radio', { name: /Shop.*Amazon Redshift.*shop\/dev/ }))
  expect(await screen.findByText(/enforces neither primary keys nor unique columns/)).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  expect(await screen.findByRole('heading', { name: 'Into which table?' })).toBeVisible()
}

test('a new table is distributed, sorted and compressed as chosen, and its DDL follows', async () => {
  const asked = portal()
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await toTable(user)
  const card = screen.getByText('Distribution, sort order, compression').closest('details') as HTMLDetailsElement
  expect(card).toHaveTextContent('Left to Redshift')
  expect(within(card).queryByLabelText('Distribution')).toBeNull()
  await user.click(screen.getByText('Distribution, sort order, compression'))
  await user.selectOptions(await screen.findByLabelText('Distribution'), 'KEY')
  await user.selectOptions(screen.getByLabelText('Sort order'), 'COMPOUND')
  // What is missing holds up the step and is said at its field.
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Choose the column by which rows are distributed')
  await user.selectOptions(screen.getByLabelText('Distribution column'), 'order_id')
  await user.selectOptions(screen.getByLabelText('Sort column'), 'order_id')
  await user.selectOptions(screen.getByLabelText('Another sort column'), 'ordered_at')
  await user.click(screen.getByRole('button', { name: 'Sort by ordered_at before' }))
  await user.selectOptions(screen.getByLabelText(/^Compression of a column/), 'note')
  await user.selectOptions(screen.getByLabelText('Compression of note'), 'TEXT255')
  expect(within(screen.getByLabelText('Compression of note')).queryByRole('option', { name: 'AZ64' })).toBeNull()
  const chosen = { dist_style: 'KEY', dist_key: 'order_id', sort_style: 'COMPOUND', sort_keys: ['ordered_at', 'order_id'], encodings: { note: 'TEXT255' } }
  await waitFor(() => expect(asked.job?.table_options).toEqual(chosen))
  expect(await screen.findByText(/DISTSTYLE KEY/)).toBeVisible()
  expect(card).toHaveTextContent('KEY (order_id) · COMPOUND (ordered_at, order_id) · note TEXT255')
  await user.click(screen.getByRole('button', { name: 'Do not sort by order_id' }))
  expect(screen.getByLabelText('Another sort column')).toHaveFocus()
  await user.click(screen.getByRole('button', { name: 'Leave the compression of note to Redshift' }))
  await waitFor(() => expect(asked.job?.table_options).toEqual({ ...chosen, sort_keys: ['ordered_at'], encodings: undefined }))
})

test('what the portal refuses of the options is said at their field', async () => {
  portal((job) => (job.table_options?.encodings?.note === 'LZO' ? { location: 'body.table_options.encodings.note', message: 'encoding LZO does not compress column "note"' } : undefined))
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await toTable(user)
  await user.click(screen.getByText('Distribution, sort order, compression'))
  await user.selectOptions(await screen.findByLabelText(/^Compression of a column/), 'note')
  await user.selectOptions(screen.getByLabelText('Compression of note'), 'LZO')
  expect(await screen.findByText('Encoding LZO does not compress column "note"', { selector: '#field-encode-add-error' })).toBeVisible()
})

test('strategies and keys are said as Redshift has them, for a table without a unique index', async () => {
  portal()
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await toTable(user)
  await user.click(screen.getByRole('radio', { name: /Existing table/ }))
  expect(screen.queryByText('Distribution, sort order, compression')).toBeNull()
  await user.click(await screen.findByRole('radio', { name: /^orders/ }))
  await screen.findByRole('table', { name: 'Columns of the table' })
  await user.click(screen.getByRole('button', { name: 'Continue' }))
  await user.click(await screen.findByRole('button', { name: 'Continue' }))
  expect(await screen.findByRole('heading', { name: 'How are rows loaded?' })).toBeVisible()
  expect(screen.getByRole('radio', { name: /Replace all rows.*DELETE and INSERT in one transaction/ })).toBeInTheDocument()
  await user.click(screen.getByRole('radio', { name: /Add or update.*MERGE/ }))
  expect(screen.getByText(/Any columns will do/)).toBeVisible()
  expect(screen.queryByText(/has no unique index/)).toBeNull()
})

test('an existing table is shown with how Redshift keeps it, as far as it tells', async () => {
  portal()
  const described = { schema: 'public', name: 'orders', columns: columns.map(({ name, type }) => ({ name, type, nullable: true, required: false })), unique_indexes: [] }
  const layout = { dist_style: 'AUTO(KEY)', dist_key: 'order_id', sort_style: 'COMPOUND', sort_keys: ['ordered_at', 'order_id'], encodings: { order_id: 'AZ64', note: 'LZO' } }
  server.use(
    json('post', '/api/v1/destinations/3/tables', { schema: 'public', tables: ['orders', 'others'].map((name) => ({ schema: 'public', name, kind: 'table', rows: -1, can_insert: true })) }),
    http.post('http://localhost:3000/api/v1/destinations/3/schema', async ({ request }) => {
      const { table } = (await request.json()) as { table: string }
      return HttpResponse.json(table === 'orders' ? { ...described, layout } : { ...described, name: table, layout: { sort_keys: ['note'] } })
    }),
  )
  const user = userEvent.setup()
  renderRoutes(routes, `/jobs/new?file=${file}`)
  await toTable(user)
  await user.click(screen.getByRole('radio', { name: /Existing table/ }))
  await user.click(await screen.findByRole('radio', { name: /^orders/ }))
  const card = (await screen.findByRole('heading', { name: 'public.orders' })).closest('section') as HTMLElement
  expect(within(card).getByText('AUTO(KEY) (order_id)')).toBeVisible()
  expect(within(card).getByText('COMPOUND (ordered_at, order_id)')).toBeVisible()
  const row = (name: string) => within(screen.getByRole('table', { name: 'Columns of the table' })).getByRole('row', { name: new RegExp(`^${name}`) })
  expect(within(row('order_id')).getByText('distribution key')).toBeVisible()
  expect(within(row('order_id')).getByText('sort key 2')).toBeVisible()
  expect(within(row('order_id')).getByRole('cell', { name: 'AZ64' })).toBeVisible()
  expect(within(row('ordered_at')).getByText('sort key 1')).toBeVisible()
  expect(within(row('ordered_at')).getByRole('cell', { name: '–' })).toBeVisible()
  expect(within(row('note')).queryByText(/key/)).toBeNull()
  await user.click(screen.getByRole('radio', { name: /^others/ }))
  expect(await screen.findByRole('heading', { name: 'public.others' })).toBeVisible()
  expect(within(row('note')).getByText('sort key')).toBeVisible()
  expect(screen.queryByText('Distribution')).toBeNull()
  expect(screen.queryByRole('columnheader', { name: 'Compression' })).toBeNull()
})
