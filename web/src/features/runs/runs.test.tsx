import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import type { LogEntry, Run } from '@/shared/api/model'
import { renderElement, renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { ChunkMap } from './chunk-map'
import { readEvents, type StreamEvent } from './events'
import { followRun, pace } from './follow'
import { mergeEntries } from './queries'
import { addSample, speedOf } from './rate'
import { balanced } from './reconciliation'
import { routes } from './routes'
import { stepsOf } from './steps'

const run: Run = {
  id: 4, job_id: 2, job_name: 'Orders', job_version: 1, file_id: '6ef24b4d-ad5a-4b38-8773-04a546fef376', status: 'COMPLETED', phase: 'done', trigger: 'manual', attempt: 1, path: 'direct',
  progress_percentage: 100, rows_read: 10, rows_loaded: 7, rows_inserted: 7, rows_updated: 0, rows_filtered: 1, rows_rejected: 1, rows_deduplicated: 1,
  bytes_total: 100, bytes_read: 100, chunks_total: 1, chunks_done: 1, seq: 5, parent_run_id: null,
  created_at: '2026-11-23T10:00:00Z', started_at: '2026-11-23T10:00:00Z', finished_at: '2026-11-23T10:00:02Z',
}
const running: Run = { ...run, status: 'RUNNING', phase: 'load', seq: 3, finished_at: null, progress_percentage: 40, bytes_read: 40, chunks_done: 0 }
const entry = (id: number, level: LogEntry['level'] = 'info', message = `line ${id}`): LogEntry => ({ id, at: '2026-11-23T10:00:01Z', level, message })
const url = (path: string) => `http://localhost:3000${path}`

const before = { ...pace }
beforeEach(() => Object.assign(pace, { poll: 5, reconnect: 5, tooShort: 0, hello: 500 }))
afterEach(() => Object.assign(pace, before))

const bytes = (...chunks: string[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
const event = (name: string, id: string, data: unknown) => `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`
const streamed = (...chunks: string[]) => new HttpResponse(bytes(...chunks), { headers: { 'Content-Type': 'text/event-stream' } })

test.each([
  ['in one piece', ['event: log\nid: 1.2\ndata: {"a":1}\n\n'], [{ event: 'log', id: '1.2', data: '{"a":1}' }]],
  ['cut anywhere, with comments and CRLF', [': hi\n\nretry: 20', '00\r\n\r\neve', 'nt: log\r\nid: 7.', '1\r\ndata: ä\r\n', '\r\n'], [{ event: 'log', id: '7.1', data: 'ä' }]],
  ['several data lines, the id stays', ['id: 1.1\ndata: a\ndata: b\n\ndata: c\n\n'], [{ event: 'message', id: '1.1', data: 'a\nb' }, { event: 'message', id: '1.1', data: 'c' }]],
  ['an event without its end is none', ['data: a\n'], []],
])('reads events %s', async (_, chunks, want) => {
  const got: StreamEvent[] = []
  for await (const each of readEvents(bytes(...chunks))) got.push(each)
  expect(got).toEqual(want)
})

function follower() {
  const seen = { runs: [] as Run[], log: [] as number[], states: [] as string[] }
  return { seen, on: { onRun: (each: Run) => seen.runs.push(each), onLog: (each: LogEntry[]) => seen.log.push(...each.map(({ id }) => id)), onState: (state: string) => seen.states.push(state) } }
}

test('a stream that breaks is opened again from where it was', async () => {
  const asked: (string | null)[] = []
  server.use(
    http.get(url('/api/v1/job-runs/4/stream'), ({ request }) => {
      asked.push(request.headers.get('Last-Event-ID'))
      return asked.length === 1 ? streamed(event('log', '2.11', entry(11)), event('progress', '3.11', running)) : streamed(event('log', '5.12', entry(12)), event('done', '5.12', run))
    }),
    json('get', '/api/v1/job-runs/4', running),
    json('get', '/api/v1/job-runs/4/logs', { items: [], earlier: false, later: false }),
  )
  const { seen, on } = follower()
  await followRun(4, 10, on, new AbortController().signal)
  expect(asked).toEqual(['-1.10', '3.11'])
  expect(seen.log).toEqual([11, 12])
  expect(seen.runs.at(-1)).toEqual(run)
  expect(seen.states).toEqual(['live', 'reconnecting', 'live', 'ended'])
})

test('where streams do not pass it asks until the run is over, and has each line once', async () => {
  let asked = 0
  server.use(
    http.get(url('/api/v1/job-runs/4/stream'), () => new HttpResponse('no', { status: 502 })),
    http.get(url('/api/v1/job-runs/4'), () => HttpResponse.json(++asked < 4 ? running : run)),
    http.get(url('/api/v1/job-runs/4/logs'), ({ request }) => {
      const after = Number(new URL(request.url).searchParams.get('after'))
      return HttpResponse.json({ items: after < 12 ? [entry(after + 1)] : [], earlier: true, later: false })
    }),
  )
  const { seen, on } = follower()
  await followRun(4, 10, on, new AbortController().signal)
  expect(seen.states).toEqual(['reconnecting', 'polling', 'ended'])
  expect(seen.log).toEqual([11, 12])
  expect(seen.runs.at(-1)?.status).toBe('COMPLETED')
})

test('a run that is gone ends the following with its problem', async () => {
  server.use(problem('get', '/api/v1/job-runs/4/stream', 404, { code: 'not_found', title: 'There is no run 4' }))
  await expect(followRun(4, 0, follower().on, new AbortController().signal)).rejects.toMatchObject({ code: 'not_found' })
})

test('lines are merged once each, by their id', () => {
  const some = [entry(1), entry(2)]
  expect(mergeEntries(some, [entry(2), entry(3)]).map(({ id }) => id)).toEqual([1, 2, 3])
  expect(mergeEntries(some, [entry(2)])).toBe(some)
})

test('the speed is that of the last samples, or the average since the start', () => {
  const at = 1_000_000
  expect(speedOf([], at, at)).toBeNull()
  expect(speedOf([{ at, rows: 100, bytes: 1000 }], at - 2000, at)).toEqual({ rows: 50, bytes: 500 })
  const samples = [0, 1, 2, 30].reduce<Parameters<typeof addSample>[0]>((list, i) => addSample(list, { at: at + i * 1000, rows: i * 10, bytes: i * 100 }), [])
  expect(samples.map((sample) => sample.rows)).toEqual([20, 300])
  expect(speedOf(samples, at, at + 30_000)).toEqual({ rows: 10, bytes: 100 })
  expect(addSample(samples, { at: at + 40_000, rows: 0, bytes: 0 })).toHaveLength(1)
})

test.each([
  ['waits', { ...running, status: 'PENDING', phase: 'plan', chunks_total: 0 }, 'waiting waiting waiting waiting waiting'],
  ['inspects', { ...running, phase: 'plan', chunks_total: 0 }, 'current waiting waiting waiting waiting'],
  ['loads', running, 'done done current waiting waiting'],
  ['publishes', { ...running, phase: 'publish' }, 'done done done current waiting'],
  ['completed', run, 'done done done done done'],
  ['failed in load', { ...running, status: 'FAILED' }, 'done done failed waiting waiting'],
  ['cancelled in load', { ...running, status: 'CANCELLED' }, 'done done stopped waiting waiting'],
] as const)('the steps of a run that %s', (_, each, want) => {
  expect(stepsOf(each).map((step) => step.state).join(' ')).toBe(want)
})

test('a run that rejected every row does not look like one that loaded some', async () => {
  const nothing: Run = { ...run, rows_read: 3, rows_loaded: 0, rows_filtered: 0, rows_rejected: 3, rows_deduplicated: 0 }
  expect(stepsOf(nothing)[3]?.note).toBe('Nothing to publish: every row was rejected')
  page(json('get', '/api/v1/job-runs/4', nothing))
  renderRoutes(routes, '/runs/4')
  expect(await screen.findByText('Completed, nothing loaded')).toBeInTheDocument()
})

test('chunks of an ended run are loaded, failed or not loaded', async () => {
  const chunk = { first_line: 1, start_byte: 0, end_byte: 50, rows_read: 0, rows_rejected: 0, attempt: 1 }
  server.use(json('get', '/api/v1/job-runs/4/chunks', { items: (['loaded', 'loading', 'waiting', 'failed'] as const).map((state, number) => ({ ...chunk, number, state })), waiting: 1, loading: 1, loaded: 1, failed: 1 }))
  renderElement(<ChunkMap run={{ ...run, status: 'CANCELLED' }} />)
  expect(await screen.findByRole('img', { name: 'Chunk map: 1 loaded, 2 not loaded, 1 failed' })).toBeInTheDocument()
  await userEvent.click(screen.getByRole('button', { name: 'View as table' }))
  expect(screen.getAllByText('not loaded')).toHaveLength(2)
})

test.each(['/runs/abc', '/runs/0', '/runs/1.5/logs'])('there is no page %s, and nothing is asked for', async (path) => {
  renderRoutes(routes, path)
  expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeInTheDocument()
})

test('a run is balanced where every row is somewhere, at any size', () => {
  expect(balanced(run)).toBe(true)
  expect(balanced({ ...run, rows_rejected: 0 })).toBe(false)
  expect(balanced(running)).toBe(false)
  const big = { ...run, rows_read: '9007199254740993', rows_loaded: '9007199254740990' } as unknown as Run
  expect(balanced(big)).toBe(true)
})

const page = (...handlers: Parameters<typeof server.use>) =>
  server.use(
    ...handlers,
    json('get', '/api/v1/job-runs/4/logs', { items: [entry(1), entry(2, 'error', 'chunk 1 failed')], earlier: false, later: false }),
    json('get', '/api/v1/job-runs/4/chunks', { items: [], waiting: 0, loading: 0, loaded: 0, failed: 0 }),
    json('get', '/api/v1/job-runs/4/rejects', { items: [], columns: ['quantity'], rows_rejected: 1, groups: [{ code: 'not_integer', column: 'quantity', count: 1, first_line: 3, reason: "'many' is not integer" }] }),
    json('get', `/api/v1/sources/csv/${run.file_id}/metadata`, { filename: 'orders.csv' }),
  )

test('lines of the log say in which zone their times are, and have UTC', async () => {
  page(json('get', '/api/v1/job-runs/4', run as never))
  renderRoutes(routes, '/runs/4')
  const time = within(await screen.findByRole('list', { name: 'Last lines of the log' })).getAllByRole('time')[0] as HTMLElement
  expect(time.textContent).toMatch(/^\d\d:\d\d:01\.000 \S+/)
  expect(time.title).toContain(new Intl.DateTimeFormat().resolvedOptions().timeZone)
  expect(time.title).toContain('2026-11-23 10:00:01 UTC')
})

test('a failed run says why, what to do, and is retried', async () => {
  let now: Run = { ...running, status: 'FAILED', finished_at: run.finished_at, error: { code: 'not_integer', message: "line 3: 'many' is not integer", fix: 'Correct the file.' } }
  page(
    http.get(url('/api/v1/job-runs/4'), () => HttpResponse.json(now)),
    http.post(url('/api/v1/job-runs/4/retry'), () => {
      now = { ...running, attempt: 2, seq: 9 }
      return HttpResponse.json(now)
    }),
    http.get(url('/api/v1/job-runs/4/stream'), () => {
      now = { ...run, attempt: 2, seq: 12 }
      return streamed(event('done', '12.2', now))
    }),
  )
  renderRoutes(routes, '/runs/4')
  const alert = await screen.findByRole('alert')
  expect(alert).toHaveTextContent("line 3: 'many' is not integer")
  expect(alert).toHaveTextContent('Fix: Correct the file.')
  expect(screen.getByRole('link', { name: 'See the rejected rows' })).toHaveAttribute('href', '/runs/4/rejects')
  expect(await screen.findByRole('link', { name: /quantity/ })).toHaveAttribute('href', '/runs/4/rejects?reason=not_integer&col=quantity')
  await userEvent.click(screen.getByRole('button', { name: 'Retry' }))
  expect(await screen.findByText('Completed')).toBeInTheDocument()
  expect(screen.getByTestId('reconciliation')).toHaveTextContent('10 read equals 7 loaded plus 1 filtered plus 1 rejected plus 1 deduplicated')
})

test('to run without bad rows changes the job and starts it on the same file', async () => {
  let put: unknown
  let executed: unknown
  page(
    json('get', '/api/v1/job-runs/4', { ...running, status: 'FAILED', finished_at: run.finished_at, error: { code: 'not_integer', message: 'bad' } }),
    json('get', '/api/v1/job-runs/5', { ...run, id: 5 }),
    json('get', '/api/v1/job-runs/5/logs', { items: [], earlier: false, later: false }),
    json('get', '/api/v1/job-runs/5/chunks', { items: [], waiting: 0, loading: 0, loaded: 0, failed: 0 }),
    json('get', '/api/v1/job-runs/5/rejects', { items: [], columns: [], rows_rejected: 1, groups: [] }),
    http.get(url('/api/v1/jobs/2'), () => HttpResponse.json({ id: 2, name: 'Orders', file_id: 'other', credential_id: 1, schema: 'public', table: 'orders', create_table: false, load_strategy: 'INSERT', upsert_keys: [], on_bad_row: {}, column_mappings: [], version: 3 }, { headers: { ETag: '"3"' } })),
    http.put(url('/api/v1/jobs/2'), async ({ request }) => {
      put = { tag: request.headers.get('If-Match'), body: await request.json() }
      return HttpResponse.json({})
    }),
    http.post(url('/api/v1/jobs/execute/2'), async ({ request }) => {
      executed = await request.json()
      return HttpResponse.json({ job_run_id: 5, status: 'PENDING' }, { status: 202 })
    }),
  )
  const { router } = renderRoutes(routes, '/runs/4')
  await userEvent.click(await screen.findByRole('button', { name: 'Run again without them' }))
  await userEvent.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Run without bad rows' }))
  await waitFor(() => expect(router.state.location.pathname).toBe('/runs/5'))
  expect(put).toMatchObject({ tag: '"3"', body: { name: 'Orders', on_bad_row: { mode: 'skip' } } })
  expect(executed).toEqual({ file_id: run.file_id })
})

test('the history filters by what stands in the URL, and falls back from what makes no sense', async () => {
  const asked: string[] = []
  server.use(
    http.get(url('/api/v1/job-runs'), ({ request }) => {
      asked.push(new URL(request.url).search)
      return HttpResponse.json({ items: [run], next_cursor: 'older' })
    }),
    json('get', '/api/v1/jobs', { items: [{ id: 2, name: 'Orders', recent_runs: [] }] }),
  )
  const { router } = renderRoutes(routes, '/runs?status=FAILED&job=2&since=nonsense')
  expect(await screen.findByRole('link', { name: 'Orders · run 4' })).toHaveAttribute('href', '/runs/4')
  expect(asked[0]).toBe('?status=FAILED&job_id=2&limit=50')
  expect(screen.getByLabelText('Period')).toHaveValue('')
  await userEvent.click(screen.getByRole('button', { name: 'Older runs' }))
  await waitFor(() => expect(asked.at(-1)).toContain('cursor=older'))
  await userEvent.click(screen.getByRole('button', { name: 'All' }))
  expect(router.state.location.search).toBe('?job=2&since=nonsense')
})

test('runs that cannot be deleted are named, and the others are gone', async () => {
  server.use(
    json('get', '/api/v1/job-runs', { items: [run, { ...run, id: 5 }] }),
    json('get', '/api/v1/jobs', { items: [] }),
    json('delete', '/api/v1/job-runs/4', null, 204),
    problem('delete', '/api/v1/job-runs/5', 409, { code: 'run_state', detail: 'its rows are loaded again by run 6' }),
  )
  renderRoutes(routes, '/runs')
  await userEvent.click(await screen.findByLabelText('Select run 4'))
  await userEvent.click(screen.getByLabelText('Select run 5'))
  await userEvent.click(screen.getByRole('button', { name: 'Delete selected' }))
  await userEvent.click(screen.getByRole('button', { name: 'Delete 2 runs' }))
  const alert = await within(screen.getByRole('alertdialog')).findByRole('alert')
  expect(alert).toHaveTextContent('1 of 2 runs could not be deleted')
  expect(alert).toHaveTextContent('run 5 its rows are loaded again by run 6')
})

test('the log is searched, and another level is asked for', async () => {
  const asked: (string | null)[] = []
  server.use(
    json('get', '/api/v1/job-runs/4', run),
    http.get(url('/api/v1/job-runs/4/logs'), ({ request }) => {
      asked.push(new URL(request.url).searchParams.get('level'))
      return HttpResponse.json({ items: [entry(1, 'warn', 'slow disk'), entry(2, 'error', 'no disk')], earlier: false, later: false })
    }),
  )
  const { router } = renderRoutes(routes, '/runs/4/logs')
  await userEvent.type(await screen.findByLabelText('Search the lines'), 'slow')
  expect(await screen.findByText(/1 line of 2 loaded lines/)).toBeInTheDocument()
  expect(router.state.location.search).toBe('?q=slow')
  await userEvent.selectOptions(screen.getByLabelText('Level'), 'warn')
  await waitFor(() => expect(asked.at(-1)).toBe('warn'))
})
