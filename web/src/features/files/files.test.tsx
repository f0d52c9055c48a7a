import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { routes } from './routes'

const id = '00000000-0000-4000-8000-000000000001'
const at = '2026-11-23T12:00:00Z'
const statistics = { rows: 3, nulls: 1, empty: 0, distinct: 2, distinct_exact: true, min: '1', max: '3', mean: 2, min_length: 1, max_length: 1, mean_length: 1, top_values: [{ value: '1', count: 2 }], top_exact: true }
const file = {
  file_id: id, filename: 'a.csv', size: 30, encoding: 'utf-8', bom: false, row_count: 3, version: 4, created_at: at, updated_at: at, profile: { state: 'complete' },
  dialect: { delimiter: ';', quote: '"', escape: '', comment: '', header: true, header_rows: 1, skip_lines: 2, newline: 'LF', skip_initial_space: false, trailing_delimiter: false },
  overrides: { dialect: { skip_lines: 2 }, types: { id: 'bigint' } },
  decisions: [{ what: 'delimiter', value: ';', confidence: 0.5, evidence: ['100 % of 3 rows have 2 fields'] }],
  columns: [
    { name: 'id', type: 'bigint', nullable: true, confidence: 0.99, evidence: ['3 values are integers'], statistics },
    { name: 'at', type: 'date', nullable: false, confidence: 0.6, evidence: ['all read'], ambiguous: ['DD/MM/YYYY', 'MM/DD/YYYY'], counter_example: { line: 9, value: '13/01/2024' }, statistics: { ...statistics, distinct_exact: false, null_word_counts: { 'n/a': 1 } } },
  ],
}
const preview = { columns: ['id', 'at'], rows: [['1', '01/02/2024'], [null, ''], ['3', 'two\nlines']], lines: [4, 5, 6], bad_rows: [{ row: 2, line: 6, code: 'x', reason: 'it has 3 fields' }], offset: 0, limit: 200, next_offset: null, total_rows: 3, total_rows_exact: true }
const histograms = { columns: [{ column: 'id', type: 'bigint', bins: [{ from: '1', to: '2', count: 2 }, { from: '2', to: '3', count: 1 }] }], rows: 3, complete: true }

// The grid lays out what it can see, and jsdom sees nothing.
beforeEach(() => {
  Object.defineProperty(HTMLElement.prototype, 'clientWidth', { configurable: true, get: () => 1200 })
  Object.defineProperty(HTMLElement.prototype, 'clientHeight', { configurable: true, get: () => 600 })
  Element.prototype.scrollTo = () => undefined
})
afterEach(() => {
  Reflect.deleteProperty(HTMLElement.prototype, 'clientWidth')
  Reflect.deleteProperty(HTMLElement.prototype, 'clientHeight')
})

function show({ metadata = file, jobs = [] as object[], path = `/files/${id}` } = {}) {
  server.use(
    json('get', `/api/v1/sources/csv/${id}/metadata`, metadata),
    json('get', `/api/v1/sources/csv/${id}/preview`, preview),
    json('get', `/api/v1/sources/csv/${id}/histograms`, histograms),
    json('get', '/api/v1/jobs', { items: jobs as never[] }),
  )
  return renderRoutes(routes, path)
}

/** Takes what a correction asks, and answers with a file of the next version. */
function corrections(answer: object = {}) {
  const bodies: unknown[] = []
  server.use(
    http.patch(`http://localhost:3000/api/v1/sources/csv/${id}`, async ({ request }) => {
      bodies.push([request.headers.get('If-Match'), await request.json()])
      return HttpResponse.json({ ...file, version: 5, ...answer })
    }),
  )
  return bodies
}

test('rows are shown with their numbers and lines, NULL apart from empty, and what cannot be read with its reason', async () => {
  show()
  const grid = await screen.findByRole('grid', { name: 'Rows of a.csv' })
  expect(grid).toHaveAttribute('aria-rowcount', '4')
  await within(grid).findByText('01/02/2024')
  const rows = within(grid).getAllByRole('row').slice(1)
  expect(rows.map((row) => row.textContent)).toEqual(['14101/02/2024', '25NULLempty', '363two↵lines'])
  expect(within(rows[2] as HTMLElement).getByLabelText('Unreadable: it has 3 fields')).toBeInTheDocument()
})

test('the keyboard goes from cell to cell, and tells where it is', async () => {
  const { router } = show()
  const grid = await screen.findByRole('grid')
  await within(grid).findByText('01/02/2024')
  grid.focus()
  await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowRight}')
  expect(grid).toHaveAttribute('aria-activedescendant', 'cell-1-1')
  expect(screen.getByText(/^Row 2 · at:/)).toHaveTextContent('empty')
  await userEvent.keyboard('{Control>}{End}{/Control}{PageDown}')
  expect(grid).toHaveAttribute('aria-activedescendant', 'cell-2-1')
  await userEvent.keyboard('{Control>}{Home}{/Control}{ArrowUp}{ArrowLeft}{End}{Enter}')
  expect(grid).toHaveAttribute('aria-activedescendant', 'head-1')
  await waitFor(() => expect(router.state.location.search).toBe('?col=at'))
})

test('a correction keeps the others, says for which version it is, and names the jobs', async () => {
  show({ jobs: [{ id: 8, name: 'Daily', recent_runs: [] }] })
  const bodies = corrections({ affected_jobs: [{ id: 8, name: 'Daily' }] })
  expect(await screen.findByRole('link', { name: 'Daily' })).toHaveAttribute('href', '/jobs/8')
  await userEvent.selectOptions(screen.getByRole('combobox', { name: /^Delimiter/ }), ',')
  await waitFor(() => expect(bodies).toEqual([['"4"', { dialect: { skip_lines: 2, delimiter: ',' } }]]))
  await userEvent.clear(screen.getByRole('spinbutton', { name: /^Skip lines/ }))
  await userEvent.type(screen.getByRole('spinbutton', { name: /^Skip lines/ }), '1{Enter}')
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { dialect: { skip_lines: 1 } }]))
  await userEvent.click(screen.getByRole('button', { name: 'Back to what was found' }))
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { encoding: null, dialect: {}, types: null, null_values: null, date_order: null, decimal: null, timezone: null }]))
})

test('words that mean NULL, the zone of times, the order of dates and the decimal sign are given, and are as found again', async () => {
  show({ metadata: { ...file, columns: [{ ...file.columns[0], null_values: ['n/a', '-'] }, file.columns[1]] } as typeof file })
  const given = { null_values: ['none', '?'], timezone: 'Europe/Berlin', date_order: 'dmy', decimal: 'comma' }
  const bodies = corrections({ overrides: given })
  await userEvent.click(await screen.findByRole('button', { name: 'More and why' }))
  const words = screen.getByRole('textbox', { name: /^Words that mean NULL/ })
  expect(words).toHaveAttribute('placeholder', 'As found: n/a, -')
  await userEvent.type(words, ' none, ?,none{Enter}')
  await waitFor(() => expect(bodies).toEqual([['"4"', { null_values: ['none', '?'] }]]))
  await waitFor(() => expect(screen.getByRole('textbox', { name: /^Words that mean NULL/ })).toHaveValue('none, ?'))
  expect(screen.getByText(/^Corrected by hand/)).toBeVisible()
  const zone = screen.getByRole('combobox', { name: /^Time zone/ })
  expect(zone).toHaveValue('Europe/Berlin')
  await userEvent.clear(zone)
  await userEvent.type(zone, ' ')
  await userEvent.tab()
  expect(zone).toBeInvalid()
  await userEvent.type(zone, 'UTC')
  await userEvent.tab()
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { timezone: 'UTC' }]))
  const order = screen.getByRole('combobox', { name: /^Order of dates/ })
  await userEvent.selectOptions(order, 'ymd')
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { date_order: 'ymd' }]))
  await userEvent.selectOptions(order, 'As found')
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { date_order: '' }]))
  await userEvent.selectOptions(screen.getByRole('combobox', { name: /^Decimal sign/ }), 'As found')
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { decimal: '' }]))
  await userEvent.clear(zone)
  await userEvent.tab()
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { timezone: '' }]))
  await userEvent.click(screen.getByRole('button', { name: 'Time zone as found' }))
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { timezone: null }]))
  const nulls = screen.getByRole('textbox', { name: /^Words that mean NULL/ })
  await userEvent.clear(nulls)
  await userEvent.type(nulls, ',{Enter}')
  expect(nulls).toBeInvalid()
  await userEvent.clear(nulls)
  await userEvent.type(nulls, '{Enter}')
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { null_values: [] }]))
  await userEvent.click(screen.getByRole('button', { name: 'NULL words as found' }))
  await waitFor(() => expect(bodies.at(-1)).toEqual(['"5"', { null_values: null }]))
})

test('a file has no word for NULL, and as found again; where nothing is corrected there is nothing to take back', async () => {
  const columns = [{ ...file.columns[0], null_values: ['n/a'] }, file.columns[1]]
  const found = { ...file, overrides: undefined, columns }
  show({ metadata: found as never })
  const bodies = corrections({ columns: file.columns, overrides: { null_values: [''] } })
  await userEvent.click(await screen.findByRole('button', { name: 'More and why' }))
  expect(screen.queryByRole('button', { name: /found/ })).toBeNull()
  expect(screen.getByRole('combobox', { name: /^Order of dates/ })).toHaveDisplayValue('As found')
  await userEvent.click(screen.getByRole('button', { name: 'No word' }))
  await waitFor(() => expect(screen.getByRole('textbox', { name: /^Words that mean NULL/ })).toHaveAttribute('placeholder', 'No word'))
  expect(screen.getByText(/^Corrected by hand/)).toBeVisible()
  corrections(found)
  await userEvent.click(screen.getByRole('button', { name: 'Back to what was found' }))
  await waitFor(() => expect(screen.getByRole('textbox', { name: /^Words that mean NULL/ })).toHaveAttribute('placeholder', 'As found: n/a'))
  expect(screen.getByText(/^Found out from the file/)).toBeVisible()
  expect(bodies).toEqual([['"4"', { null_values: [''] }]])
})

test('what is not seen in a cell is marked and named', async () => {
  show()
  server.use(json('get', `/api/v1/sources/csv/${id}/preview`, { ...preview, rows: [['in\u202Evoice', 'a\u200Bb'], [null, ''], ['3', 'x']] }))
  const grid = await screen.findByRole('grid')
  expect(await within(grid).findByRole('img', { name: 'U+202E right-to-left override' })).toHaveAttribute('title', 'U+202E right-to-left override')
  expect(within(grid).getAllByRole('row')[1]).toHaveTextContent('inRLOvoiceaZWSPb')
})

test('a correction that is refused says so, and what was there stays', async () => {
  show()
  server.use(problem('patch', `/api/v1/sources/csv/${id}`, 422, { code: 'bad_override', detail: 'no such delimiter', fix: 'Choose another' }))
  await userEvent.selectOptions(await screen.findByRole('combobox', { name: /^Delimiter/ }), '|')
  expect(await screen.findByRole('alert')).toHaveTextContent('Choose another')
  expect(screen.getByRole('combobox', { name: /^Delimiter/ })).toHaveValue(';')
})

test('a file that was changed meanwhile is corrected in its newest version, if nobody else has corrected it', async () => {
  show()
  const tags: (string | null)[] = []
  server.use(
    http.patch(`http://localhost:3000/api/v1/sources/csv/${id}`, ({ request }) => {
      tags.push(request.headers.get('If-Match'))
      if (tags.length > 1) return HttpResponse.json({ ...file, version: 7, encoding: 'windows-1252' })
      return HttpResponse.json({ title: 'Changed', code: 'version_conflict', status: 412, detail: '', fix: '', errors: [], request_id: '' }, { status: 412 })
    }),
  )
  await screen.findByRole('grid')
  server.use(json('get', `/api/v1/sources/csv/${id}/metadata`, { ...file, version: 6 }))
  await userEvent.selectOptions(screen.getByRole('combobox', { name: /^Encoding/ }), 'windows-1252')
  await waitFor(() => expect(screen.getByRole('combobox', { name: /^Encoding/ })).toHaveValue('windows-1252'))
  expect(tags).toEqual(['"4"', '"6"'])
})

test('a column shows its evidence and figures, and its chart as a table', async () => {
  show()
  const card = await screen.findByTestId('column-card')
  expect(card).toHaveTextContent('3 values are integers')
  expect(card).toHaveTextContent('corrected')
  expect(card).toHaveTextContent('Nulls1 (33 %)')
  await userEvent.click(await within(card).findByRole('button', { name: 'View as table' }))
  expect(within(within(card).getByRole('region', { name: 'Spread of id as a table' })).getAllByRole('row').map((row) => row.textContent)).toEqual(['FromToRows', '122', '231'])
})

test('dates that can be read in two ways are chosen between', async () => {
  show({ path: `/files/${id}?col=at` })
  const bodies = corrections()
  const card = await screen.findByTestId('column-card')
  expect(card).toHaveTextContent('No narrower type: 13/01/2024 at line 9')
  expect(card).toHaveTextContent('Distinct≈ 2')
  expect(card).toHaveTextContent('as “n/a”1')
  await userEvent.click(within(card).getByRole('button', { name: 'MM/DD/YYYY' }))
  await waitFor(() => expect(bodies).toEqual([['"4"', { date_order: 'mdy' }]]))
})

test('other types are tried, each with its first counter-example, and one is chosen beside those of other columns', async () => {
  show({ path: `/files/${id}?col=at` })
  const bodies = corrections()
  server.use(
    json('post', `/api/v1/sources/csv/${id}/fits`, {
      column: 'at', found: { type: 'date' }, rows_tried: 3, complete: true,
      choices: [
        { type: 'integer', fits: false, rejected: 3, counter_example: { line: 4, value: '01/02/2024', code: 'x', reason: 'it is no integer' } },
        { type: 'date', fits: true, rejected: 0 },
        { type: 'text', fits: true, rejected: 0 },
      ],
    }),
  )
  const card = await screen.findByTestId('column-card')
  await userEvent.click(within(card).getByRole('button', { name: 'Try other types' }))
  expect(await within(card).findByText(/3 of 3 do not fit, first at line 4: it is no integer/)).toBeInTheDocument()
  await userEvent.click(within(card).getByRole('button', { name: 'Use text' }))
  await waitFor(() => expect(bodies).toEqual([['"4"', { types: { id: 'bigint', at: 'text' } }]]))
})

test.each([
  ['running', { profile: { state: 'running', bytes_done: 15 } }, 'progressbar'],
  ['failed', { profile: { state: 'failed' }, error: { code: 'x', message: 'a quote is never closed', fix: 'Close it', line: 7 } }, 'alert'],
] as const)('a profile that is %s shows it', async (_, change, role) => {
  show({ metadata: { ...file, ...change } })
  const shown = await screen.findByRole(role)
  if (role === 'progressbar') expect(shown).toHaveAttribute('aria-valuenow', '50')
  else expect(shown).toHaveTextContent('line 7')
})

test('an upload left in the middle leads back to it', async () => {
  show({ metadata: { ...file, columns: [], profile: { state: 'uploading' } } })
  expect(await screen.findByRole('link', { name: 'Go on with the upload' })).toHaveAttribute('href', '/files/new')
  expect(screen.queryByRole('link', { name: /Load into a table/ })).toBeNull()
})

const item = (name: string, state: string) => ({ file_id: name, filename: name, size: 4, state, row_count: 1, column_count: 1, version: 1, created_at: at, updated_at: at })

test('the list searches all pages, by what its address says', async () => {
  server.use(
    http.get('http://localhost:3000/api/v1/sources/csv', ({ request }) =>
      HttpResponse.json(new URL(request.url).searchParams.get('cursor') ? { items: [item('Old-North.csv', 'complete')] } : { items: [item('north.csv', 'failed'), item('south.csv', 'complete')], next_cursor: 'more' }),
    ),
  )
  const { router } = renderRoutes(routes, '/files?q=north')
  expect(await screen.findByRole('link', { name: 'Old-North.csv' })).toBeInTheDocument()
  expect(screen.getByText('2 files of 3')).toBeInTheDocument()
  await userEvent.selectOptions(screen.getByLabelText('State'), 'failed')
  expect(router.state.location.search).toBe('?q=north&state=failed')
  expect(screen.queryByRole('link', { name: 'Old-North.csv' })).toBeNull()
  await userEvent.clear(screen.getByLabelText('Search files by name'))
  await userEvent.type(screen.getByLabelText('Search files by name'), 'west')
  await userEvent.click(screen.getByRole('button', { name: 'Show all files' }))
  expect(router.state.location.search).toBe('')
})

test('a file that jobs load is not deleted, and they are named; another one is', async () => {
  let gone = false
  server.use(
    http.get('http://localhost:3000/api/v1/sources/csv', () => HttpResponse.json({ items: gone ? [] : [item('a.csv', 'complete')] })),
    json('get', '/api/v1/jobs', { items: [{ id: 8, name: 'Daily', recent_runs: [] }] }),
    problem('delete', '/api/v1/sources/csv/a.csv', 409, { code: 'in_use', detail: 'the job Daily loads it' }),
  )
  renderRoutes(routes, '/files')
  await userEvent.click(await screen.findByRole('button', { name: 'Actions for a.csv' }))
  await userEvent.click(await screen.findByRole('menuitem', { name: 'Delete' }))
  const dialog = await screen.findByRole('alertdialog')
  expect(await within(dialog).findByRole('link', { name: 'Daily' })).toHaveAttribute('href', '/jobs/8')
  await userEvent.click(within(dialog).getByRole('button', { name: 'Delete file' }))
  expect(await within(dialog).findByRole('alert')).toHaveTextContent('the job Daily loads it')
  server.use(
    http.delete('http://localhost:3000/api/v1/sources/csv/a.csv', () => {
      gone = true
      return new HttpResponse(null, { status: 204 })
    }),
  )
  await userEvent.click(within(dialog).getByRole('button', { name: 'Delete file' }))
  expect(await screen.findByText('No file yet')).toBeInTheDocument()
  expect(screen.getByRole('button', { name: 'Try it with a sample' })).toBeInTheDocument()
})

test.each(['/files/1', '/files/orders.csv'])('there is no file %s, and none is asked for', async (path) => {
  renderRoutes(routes, path)
  expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeVisible()
})
