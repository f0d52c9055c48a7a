import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { routes } from './routes'
import { valueInWords } from './words'

const job = {
  id: 7,
  name: 'Orders',
  file_id: 'file',
  credential_id: 3,
  schema: 'public',
  table: 'orders',
  create_table: false,
  load_strategy: 'INSERT',
  upsert_keys: [],
  on_bad_row: { mode: 'fail' },
  column_mappings: [{ source: 'id', destination: 'id', type: 'bigint' }],
  version: 2,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-02T00:00:00Z',
}

test.each([
  [null, '–'],
  ['', '–'],
  [true, 'yes'],
  [['', 'n/a'], 'empty, n/a'],
  [[{ fn: 'TRIM' }, { fn: 'REPLACE', args: ['a', 'b'] }, { fn: 'LEFT', args: [3] }], "TRIM, REPLACE('a', 'b'), LEFT(3)"],
  [{ mode: 'skip', max_rows: 5 }, 'mode skip, max rows 5'],
  [12, '12'],
])('%j reads %s', (value, words) => {
  expect(valueInWords(value)).toBe(words)
})

test('a job that cannot be started says why on the page', async () => {
  server.use(json('get', '/api/v1/jobs', { items: [{ ...job, recent_runs: [] }] }), json('get', '/api/v1/schedules', { items: [] }), problem('post', '/api/v1/jobs/execute/7', 409, { code: 'in_use', title: 'It runs already', fix: 'Wait for run 3' }))
  const user = userEvent.setup()
  renderRoutes(routes, '/jobs')
  await user.click(await screen.findByRole('button', { name: 'Run now: Orders' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('It runs already')
  expect(screen.getByRole('alert')).toHaveTextContent('Wait for run 3')
})

test('a job that is in use names what keeps it from being deleted', async () => {
  server.use(
    json('get', '/api/v1/jobs', { items: [{ ...job, recent_runs: [] }] }),
    json('get', '/api/v1/schedules', { items: [{ id: 4, job_id: 7, job_name: 'Orders', cron_expression: '0 6 * * *', timezone: 'UTC', enabled: true, version: 1, next_run_at: null, last_run: null }] }),
    json('get', '/api/v1/job-runs', { items: [{ id: 12, job_id: 7, status: 'RUNNING' }] }),
  )
  const user = userEvent.setup()
  renderRoutes(routes, '/jobs')
  await user.click(await screen.findByRole('button', { name: 'More for Orders' }))
  await user.click(await screen.findByRole('menuitem', { name: 'Delete' }))
  const dialog = await screen.findByRole('alertdialog', { name: 'Delete “Orders”?' })
  expect(await within(dialog).findByRole('link', { name: 'Run 12, which is not over' })).toHaveAttribute('href', '/runs/12')
  expect(await within(dialog).findByRole('link', { name: /^The schedule “.*6:00.*”$/i })).toHaveAttribute('href', '/schedules/4')
})

test('a version shows what it changed, column by column', async () => {
  server.use(
    json('get', '/api/v1/jobs/7', job),
    json('get', '/api/v1/job-runs', { items: [] }),
    json('get', '/api/v1/jobs/7/versions', { items: [job, { ...job, version: 1 }] }),
    json('get', '/api/v1/jobs/7/versions/2/changes', {
      job_id: 7,
      from_version: 1,
      to_version: 2,
      fields: [{ field: 'filter', before: '', after: 'id > 1' }],
      columns: [{ destination: 'id', change: 'changed', fields: [{ field: 'type', before: 'integer', after: 'bigint' }] }],
    }),
  )
  renderRoutes(routes, '/jobs/7?tab=versions')
  expect(await screen.findByText('What version 2 changed')).toBeVisible()
  expect(await screen.findByText('integer')).toBeVisible()
  expect(screen.getByText('bigint')).toBeVisible()
  expect(screen.getByText('id > 1')).toBeVisible()
})

test('a table made in Redshift: its options on the page, and what a version changed of them', async () => {
  const options = { dist_style: 'KEY', dist_key: 'id', sort_keys: ['day', 'id'], encodings: { note: 'ZSTD' } }
  server.use(
    json('get', '/api/v1/jobs/7', { ...job, create_table: true, table_options: options }),
    json('get', '/api/v1/job-runs', { items: [] }),
    json('get', '/api/v1/sources/csv/file/metadata', { file_id: 'file', filename: 'orders.csv' }),
    json('get', '/api/v1/credentials/3', { id: 3, name: 'Warehouse', type: 'redshift' }),
    json('get', '/api/v1/jobs/7/versions', { items: [job, { ...job, version: 1 }] }),
    json('get', '/api/v1/jobs/7/versions/2/changes', { job_id: 7, from_version: 1, to_version: 2, fields: [{ field: 'table_options', before: { dist_style: 'ALL' }, after: options }], columns: [] }),
  )
  const first = renderRoutes(routes, '/jobs/7')
  expect(await screen.findByText('KEY (id)')).toBeVisible()
  expect(screen.getByText('COMPOUND (day, id)')).toBeVisible()
  expect(screen.getByText('note ZSTD')).toBeVisible()
  expect(await screen.findByText(/Amazon Redshift/)).toBeVisible()
  first.unmount()
  renderRoutes(routes, '/jobs/7?tab=versions')
  expect(await screen.findByText('Table options')).toBeVisible()
  expect(screen.getByText('distribution ALL')).toBeVisible()
  expect(screen.getByText('distribution KEY (id); sort order COMPOUND (day, id); compression note ZSTD')).toBeVisible()
})

test('a file without a column that the mapping needs is refused before a run', async () => {
  server.use(
    json('get', '/api/v1/jobs/7', job),
    json('get', '/api/v1/job-runs', { items: [] }),
    json('get', '/api/v1/sources/csv/file/metadata', { file_id: 'file', filename: 'orders.csv' }),
    json('get', '/api/v1/credentials/3', { id: 3, name: 'Warehouse' }),
    json('get', '/api/v1/sources/csv', { items: [{ file_id: 'other', filename: 'other.csv', state: 'complete', row_count: 1, column_count: 1, size: 1, created_at: '2026-01-01T00:00:00Z' }] }),
    json('get', '/api/v1/jobs/7/drift', {
      job_id: 7,
      file_id: 'other',
      compatible: false,
      missing: [{ name: 'id', type: 'integer', destinations: ['id'] }],
      added: [],
      changed: [],
      reordered: false,
      problem: { code: 'no_column', location: 'body', message: 'the file has no column id', fix: 'Choose another file' },
    }),
  )
  const user = userEvent.setup()
  renderRoutes(routes, '/jobs/7?run=1')
  await user.click(await screen.findByRole('radio', { name: /other\.csv/ }))
  expect(await screen.findByText('The mapping cannot be used with this file')).toBeVisible()
  expect(screen.getByText(/is missing; it fills id/)).toBeVisible()
  expect(screen.getByRole('button', { name: 'Run with this file' })).toBeDisabled()
})
