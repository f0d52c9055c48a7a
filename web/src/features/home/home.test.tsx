import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { json, problem, server } from '@/shared/test/server'
import { renderRoutes } from '@/shared/test/render'
import { routes } from './routes'

const summary = {
  since: '2026-11-22T12:00:00Z', until: '2026-11-23T12:00:00Z', runs_failed: 0, runs_completed: 0, runs_cancelled: 0, runs_pending: 0, runs_running: 0, rows_read: 0, rows_loaded: 0, rows_rejected: 0, bytes: 0,
  reject_rate: null, failing_runs: [], oldest_pending_since: null, chunks_waiting: 0, bucket_seconds: 3600, throughput: [], days: [], recent_files: [], next_schedules: [],
}
const file = { file_id: '00000000-0000-4000-8000-000000000000', filename: 'a.csv', size: 4, state: 'complete', row_count: 1, column_count: 1, version: 1, created_at: summary.since, updated_at: summary.since }

test('a portal with nothing in it says what it is for, and why a sample could not be uploaded', async () => {
  server.use(json('get', '/api/v1/summary', summary), json('get', '/api/v1/jobs', { items: [] }), problem('get', '/samples/sample-orders.csv', 503, { code: 'not_ready', fix: 'Wait a little' }))
  renderRoutes(routes)
  await userEvent.click(await screen.findByRole('button', { name: 'Try it with a sample' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Wait a little')
})

test('every number opens the list behind it', async () => {
  server.use(json('get', '/api/v1/summary', { ...summary, runs_failed: 2, runs_completed: 3, rows_loaded: '9007199254740993', recent_files: [file] }), json('get', '/api/v1/jobs', { items: [] }))
  renderRoutes(routes)
  expect(await screen.findByRole('link', { name: /Failed runs 2 of 5 runs in 24 h/ })).toHaveAttribute('href', '/runs?status=FAILED&since=2026-11-22T12%3A00%3A00Z')
  expect(screen.getByText('9,007,199,254,740,993')).toBeInTheDocument()
  expect(screen.getByText('No job yet')).toBeInTheDocument()
  expect(screen.getByRole('link', { name: 'a.csv' })).toHaveAttribute('href', `/files/${file.file_id}`)
})

test('a failure has its fix and a retry', async () => {
  server.use(problem('get', '/api/v1/summary', 422, { code: 'x', detail: 'no figures', fix: 'Do this' }), json('get', '/api/v1/jobs', { items: [] }))
  renderRoutes(routes)
  expect(await screen.findByRole('alert')).toHaveTextContent('Do this')
  expect(screen.getByRole('button', { name: 'Try again' })).toBeInTheDocument()
})
