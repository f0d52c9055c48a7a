import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { renderElement, renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { rowsToLoad, withCell, withTicks, type Draft } from './draft'
import { RawLine } from './raw-line'
import { routes } from './routes'

const run = { id: 4, job_id: 2, job_name: 'Orders', file_id: 'f', status: 'COMPLETED', phase: 'done', rows_rejected: 3, child_runs: [{ id: 7, status: 'COMPLETED', created_at: '2026-11-23T10:00:00Z', rows_loaded: 0, rows_rejected: 2 }] }
const first = { line: 3, source_line: 3, record: 2, column: 'quantity', value: 'many', code: 'not_integer', reason: "'many' is not integer", fields: ['2', 'many'], field_index: 1 }
const second = { line: 9, source_line: 9, record: 8, column: 'quantity', value: 'x', code: 'not_integer', reason: "'x' is not integer", fields: ['8', 'x'], field_index: 1 }
const loaded = { ...second, line: 12, source_line: 12, reloaded_by: 7 }
const rejects = { items: [first, second, loaded], columns: ['id', 'quantity'], rows_rejected: 3, groups: [{ code: 'not_integer', column: 'quantity', count: 3, first_line: 3, reason: "'many' is not integer" }] }

// jsdom lays nothing out, and only rows in sight are in the page.
beforeEach(() => {
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(640)
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(1000)
})

test('a changed cell ticks its row, and what is as it was read is forgotten', () => {
  const none: Draft = {}
  const once = withCell(none, first, 2, 1, '5')
  expect(rowsToLoad(once)).toEqual([{ line: 3, fields: ['2', '5'] }])
  expect(withCell(once, first, 2, 1, 'many')).toEqual({})
  const off = withTicks(once, [first], 2, false)
  expect(rowsToLoad(off)).toEqual([])
  expect(off[3]?.fields).toEqual(['2', '5'])
  expect(rowsToLoad(withTicks(off, [second, first], 2, true))).toEqual([{ line: 3, fields: ['2', '5'] }, { line: 9, fields: ['8', 'x'] }])
  expect(rowsToLoad(withTicks(none, [{ line: 5, fields: ['a', 'b', 'surplus'] }], 2, true))).toEqual([{ line: 5, fields: ['a', 'b'] }])
})

test.each([
  ['the cell at fault', { ...first, fields: ['2', 'a,"b'] }, '2,"a,""b"', ['"a,""b"']],
  ['what is too much', { ...first, field_index: undefined, fields: ['2', 'x', 'more'] }, '2,x,more', ['more']],
  ['nothing of a text that could not be parsed', { ...first, field_index: undefined, fields: undefined, raw: '2,"x' }, '2,"x', []],
])('the raw line marks %s', (_, reject, text, marks) => {
  const { container } = renderElement(<RawLine reject={reject} width={2} />)
  expect(container).toHaveTextContent(text)
  expect([...container.querySelectorAll('mark')].map((each) => each.textContent)).toEqual(marks)
})

test('what is not seen in a row is marked, in its fields, too', async () => {
  server.use(json('get', '/api/v1/job-runs/4', run), json('get', '/api/v1/job-runs/4/rejects', { ...rejects, items: [{ ...first, value: 'ma\u200Bny', reason: "'ma\u200Bny' is not integer", fields: ['2', 'ma\u200Bny'] }] }))
  renderRoutes(routes, '/runs/4/rejects')
  expect(await screen.findByLabelText('quantity, line 3')).toHaveValue('ma\u200Bny')
  const table = screen.getByRole('table')
  // In the reason and in the row as it was read.
  expect(within(table).getAllByRole('img', { name: 'U+200B zero width space' })).toHaveLength(2)
  expect(within(table).getByRole('img', { name: 'It holds U+200B zero width space' })).toBeVisible()
})

test('only corrected rows are loaded again, and the new run opens', async () => {
  let sent: unknown
  server.use(
    json('get', '/api/v1/job-runs/4', run),
    json('get', '/api/v1/job-runs/4/rejects', rejects),
    http.post('http://localhost:3000/api/v1/job-runs/4/rejects/reload', async ({ request }) => {
      sent = await request.json()
      return HttpResponse.json({ job_run_id: 8, parent_run_id: 4, rows: 1, status: 'PENDING', file_id: 'g' }, { status: 202 })
    }),
  )
  const { router } = renderRoutes([...routes, { path: '/runs/:id', element: <p>the new run</p> }], '/runs/4/rejects')
  const cell = await screen.findByLabelText('quantity, line 3')
  expect(cell).toBeInvalid()
  expect(screen.queryByLabelText('quantity, line 12')).not.toBeInTheDocument()
  expect(screen.getByRole('link', { name: 'run 7' })).toHaveAttribute('href', '/runs/7')
  expect(screen.getByText(/^sent again with/)).toHaveTextContent('sent again with run 7')
  expect(screen.getByRole('link', { name: '2 rows were refused again – correct them there' })).toHaveAttribute('href', '/runs/7/rejects')
  await userEvent.clear(cell)
  await userEvent.type(cell, '5')
  await userEvent.click(screen.getByRole('button', { name: 'Load 1 row' }))
  await waitFor(() => expect(router.state.location.pathname).toBe('/runs/8'))
  expect(sent).toEqual({ rows: [{ line: 3, fields: ['2', '5'] }] })
  expect(localStorage).toHaveLength(0)
})

test('a refusal says why, and what was typed stays', async () => {
  server.use(
    json('get', '/api/v1/job-runs/4', run),
    json('get', '/api/v1/job-runs/4/rejects', rejects),
    problem('post', '/api/v1/job-runs/4/rejects/reload', 409, { code: 'superseded', title: 'The table was replaced', fix: 'Reload what run 6 has rejected' }),
  )
  renderRoutes(routes, '/runs/4/rejects')
  await userEvent.type(await screen.findByLabelText('quantity, line 3'), '!')
  await userEvent.click(screen.getByRole('button', { name: 'Load 1 row' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Reload what run 6 has rejected')
  expect(screen.getByLabelText('quantity, line 3')).toHaveValue('many!')
})

test('rows of a run that failed are shown, with the way to load them', async () => {
  server.use(json('get', '/api/v1/job-runs/4', { ...run, status: 'FAILED' }), json('get', '/api/v1/job-runs/4/rejects', rejects))
  renderRoutes(routes, '/runs/4/rejects?reason=not_integer&col=quantity')
  expect(await screen.findByRole('button', { name: 'Run again without them' })).toBeInTheDocument()
  expect(screen.queryByLabelText('quantity, line 3')).not.toBeInTheDocument()
  expect(screen.getByRole('button', { name: /^quantity/ })).toHaveAttribute('aria-pressed', 'true')
})
