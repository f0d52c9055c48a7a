import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import type { Schedule } from '@/shared/api/model'
import { renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { planOf } from './job-schedules'
import { routes } from './routes'

const job = (id: number, name: string) => ({ id, name, file_id: 'file', credential_id: 3, schema: '', table: name.toLowerCase(), create_table: false, load_strategy: 'INSERT', upsert_keys: [], on_bad_row: { mode: 'fail' }, column_mappings: [], version: 1, recent_runs: [] })
const schedule = (id: number, job_id: number, job_name: string, more: Partial<Schedule> = {}) =>
  ({ id, job_id, job_name, cron_expression: `${id} 6 * * *`, timezone: 'UTC', enabled: true, version: 1, state: 'active', state_reason: '', next_run_at: '2099-01-01T06:00:00Z', last_run: null, ...more }) as Schedule

/** A portal with these schedules, which its switches change; the answer is what was asked of them. */
function portal(schedules: Schedule[], jobs = [job(1, 'Orders'), job(2, 'Sales'), job(3, 'Fruit')]) {
  const kept = new Map(schedules.map((each) => [each.id, each]))
  const asked: string[] = []
  server.use(
    json('get', '/api/v1/jobs', { items: jobs } as never),
    http.get('http://localhost:3000/api/v1/schedules', ({ request }) => {
      const of = new URL(request.url).searchParams.get('job_id')
      return HttpResponse.json({ items: [...kept.values()].filter((each) => of === null || each.job_id === Number(of)) } as never)
    }),
    http.post('http://localhost:3000/api/v1/schedules/:id/:verb', ({ params }) => {
      const id = Number(params.id)
      const on = params.verb === 'enable'
      asked.push(`${String(params.verb)} ${id}`)
      kept.set(id, { ...(kept.get(id) as Schedule), enabled: on, next_run_at: on ? '2099-01-01T06:00:00Z' : null })
      return HttpResponse.json(kept.get(id) as never)
    }),
  )
  return { asked, kept }
}

const row = (name: string) => screen.getByRole('checkbox', { name: `Select ${name}` }).closest('tr') as HTMLElement
const report = () => screen.getByRole('status', { name: 'What became of the schedules' })

test('schedules of several jobs are paused, counted, shown in the list, and taken back as they were', async () => {
  const { asked } = portal([schedule(11, 1, 'Orders'), schedule(12, 1, 'Orders', { enabled: false, next_run_at: null }), schedule(21, 2, 'Sales')])
  const user = userEvent.setup()
  const { router } = renderRoutes(routes, '/jobs?q=r&status=NEVER')
  await waitFor(() => expect(within(row('Orders')).getAllByText('1 of 2 paused')[0]).toBeInTheDocument())
  expect(within(row('Fruit')).getByText('no schedule')).toBeInTheDocument()
  await user.click(screen.getByRole('button', { name: 'Select all 3 shown' }))
  expect(screen.getByText('3 jobs selected')).toBeVisible()
  expect(row('Sales')).toHaveAttribute('aria-selected', 'true')
  await user.click(screen.getByRole('button', { name: 'Pause schedules' }))
  expect(await within(report()).findByText('Paused 2 schedules of 2 jobs.')).toBeVisible()
  expect(report()).toHaveTextContent('1 schedule of 1 job was paused already.')
  expect(report()).toHaveTextContent('Nothing to pause: Fruit has no schedule.')
  expect(within(report()).getByRole('link', { name: 'Fruit' })).toHaveAttribute('href', '/jobs/3?tab=schedule')
  expect(asked.toSorted()).toEqual(['disable 11', 'disable 21'])
  await waitFor(() => expect(within(row('Orders')).getAllByText('Paused')).not.toHaveLength(0))
  expect(within(row('Sales')).getAllByText('Paused')).not.toHaveLength(0)
  expect(router.state.location.search).toBe('?q=r&status=NEVER')
  expect(screen.getByText('3 jobs selected')).toBeVisible()
  // What was off before stays off.
  await user.click(within(report()).getByRole('button', { name: 'Undo' }))
  expect(await within(report()).findByText('Resumed 2 schedules of 2 jobs.')).toBeVisible()
  expect(asked.slice(2).toSorted()).toEqual(['enable 11', 'enable 21'])
  await waitFor(() => expect(within(row('Orders')).getAllByText('1 of 2 paused')[0]).toBeInTheDocument())
  await user.click(within(report()).getByRole('button', { name: 'Close the report' }))
  expect(report()).toBeEmptyDOMElement()
  expect(screen.getByRole('button', { name: 'Select none' })).toHaveFocus()
})

test('by keyboard a row is chosen, and another filter forgets it', async () => {
  portal([])
  const user = userEvent.setup()
  const { router } = renderRoutes(routes, '/jobs')
  ;(await screen.findByRole('checkbox', { name: 'Select Sales' })).focus()
  await user.keyboard(' ')
  expect(screen.getByText('1 job selected')).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'Resume schedules' }))
  expect(await within(report()).findByText('No schedule was resumed.')).toBeVisible()
  expect(report()).toHaveTextContent('Nothing to resume: Sales has no schedule.')
  expect(within(report()).queryByRole('button', { name: 'Undo' })).toBeNull()
  await user.selectOptions(screen.getByLabelText('Last result'), 'NEVER')
  await waitFor(() => expect(router.state.location.search).toBe('?status=NEVER'))
  expect(screen.queryByText('1 job selected')).toBeNull()
  expect(await screen.findByRole('checkbox', { name: 'Select Sales' })).not.toBeChecked()
})

test('what could not be paused is told by schedule, and is tried again alone', async () => {
  const { asked, kept } = portal([schedule(11, 1, 'Orders'), schedule(12, 1, 'Orders'), schedule(21, 2, 'Sales')])
  let refuse = true
  server.use(
    http.get('http://localhost:3000/api/v1/schedules', ({ request }) => (refuse && request.url.includes('job_id=2') ? HttpResponse.json({ title: 'The portal is out of order', code: 'internal', detail: 'its database does not answer', fix: 'Try again', request_id: 'r-2', errors: [] }, { status: 500 }) : undefined)),
    http.post('http://localhost:3000/api/v1/schedules/12/disable', () => {
      if (!refuse) return undefined
      return HttpResponse.json({ title: 'Forbidden', code: 'forbidden', detail: 'a viewer cannot switch schedules', fix: 'Ask for the role editor', request_id: 'r-12', errors: [] }, { status: 403 })
    }),
  )
  const user = userEvent.setup()
  renderRoutes(routes, '/jobs')
  await user.click(await screen.findByRole('checkbox', { name: 'Select Orders' }))
  await user.click(screen.getByRole('checkbox', { name: 'Select Sales' }))
  await user.click(screen.getByRole('button', { name: 'Pause schedules' }))
  const alert = await screen.findByRole('alert')
  expect(alert).toHaveTextContent('A schedule could not be paused, and the schedules of a job could not be read')
  expect(alert).toHaveTextContent('Orders, 12 6 * * * (schedule 12) a viewer cannot switch schedules Ask for the role editor (request r-12)')
  expect(alert).toHaveTextContent('Sales its database does not answer Try again (request r-2)')
  expect(report()).toHaveTextContent('Paused 1 schedule of 1 job.')
  refuse = false
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  expect(await within(report()).findByText('Paused 3 schedules of 2 jobs.')).toBeVisible()
  expect(screen.queryByRole('alert')).toBeNull()
  expect(report()).toHaveFocus()
  expect(asked.toSorted()).toEqual(['disable 11', 'disable 12', 'disable 21'])
  expect([...kept.values()].some((each) => each.enabled)).toBe(false)
})

test('a schedule that is on again but was refused by who fires it is named', async () => {
  portal([schedule(11, 1, 'Orders', { enabled: false, state: 'broken', state_reason: 'Airflow has no such DAG' })])
  const user = userEvent.setup()
  renderRoutes(routes, '/jobs')
  await user.click(await screen.findByRole('checkbox', { name: 'Select Orders' }))
  await user.click(screen.getByRole('button', { name: 'Resume schedules' }))
  expect(await within(report()).findByText('Resumed 1 schedule of 1 job.')).toBeVisible()
  expect(report()).toHaveTextContent('Orders, 11 6 * * * was refused: Airflow has no such DAG')
})

test('a list without its schedules says why', async () => {
  portal([])
  server.use(problem('get', '/api/v1/schedules', 400, { code: 'bad', title: 'No schedules today' }))
  renderRoutes(routes, '/jobs')
  expect(await screen.findByRole('alert')).toHaveTextContent('No schedules today')
  expect(screen.getByRole('link', { name: 'Orders' })).toBeVisible()
})

test('all pages of the schedules are read', async () => {
  portal([])
  server.use(
    http.get('http://localhost:3000/api/v1/schedules', ({ request }) =>
      new URL(request.url).searchParams.get('cursor') === 'more'
        ? HttpResponse.json({ items: [schedule(21, 2, 'Sales', { enabled: false, next_run_at: null })] } as never)
        : HttpResponse.json({ items: [schedule(11, 1, 'Orders')], next_cursor: 'more' } as never),
    ),
  )
  renderRoutes(routes, '/jobs')
  await screen.findByRole('checkbox', { name: 'Select Sales' })
  await waitFor(() => expect(within(row('Sales')).getAllByText('Paused')).not.toHaveLength(0))
  expect(within(row('Orders')).queryByText('Paused')).toBeNull()
})

test.each([
  ['none', [], { total: 0, off: 0, next: null }],
  ['the soonest of two', [schedule(1, 1, '', { next_run_at: '2099-03-01T00:00:00+02:00' }), schedule(2, 1, '', { next_run_at: '2099-02-28T23:00:00Z' })], { total: 2, off: 0, next: '2099-03-01T00:00:00+02:00' }],
  ['one without more times', [schedule(1, 1, '', { next_run_at: null })], { total: 1, off: 0, next: null }],
  ['all off', [schedule(1, 1, '', { enabled: false, state: 'broken' })], { total: 1, off: 1, next: null }],
])('schedules come to a plan: %s', (_, schedules, want) => {
  expect(planOf(schedules)).toEqual({ ...want, trouble: undefined })
})

test('what is broken counts before what is pending', () => {
  expect(planOf([schedule(1, 1, '', { state: 'pending' }), schedule(2, 1, '', { state: 'broken' })]).trouble?.id).toBe(2)
})
