import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { renderRoutes } from '@/shared/test/render'
import { json, problem, server } from '@/shared/test/server'
import { routes } from './routes'

const schedule = {
  id: 4, job_id: 7, job_name: 'Orders', cron_expression: '0 9 * * 1', timezone: 'Europe/Berlin', enabled: true, engine: 'native', overlap_policy: 'skip', catch_up_policy: 'none', catch_up_max: 10, jitter_seconds: 0,
  start_at: null, end_at: null, next_run_at: '2027-01-04T08:00:00Z', last_run_at: null, last_run: null, last_outcome: '', last_reason: '', state: 'active', state_reason: '', version: 3, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
}
const preview = {
  valid: true, errors: [], average_run_seconds: null, engines: ['native'],
  next: [{ at: '2027-03-28T01:00:00Z', local: '2027-03-28T03:00:00+02:00', note: 'the clocks go forward: there is no 02:30, and it fires at 03:00' }, { at: '2027-03-29T00:30:00Z', local: '2027-03-29T02:30:00+02:00' }],
}
const jobs = json('get', '/api/v1/jobs', { items: [{ id: 7, name: 'Orders', recent_runs: [] }] })
const job = json('get', '/api/v1/jobs/7', { id: 7, name: 'Orders' })
const runs = json('get', '/api/v1/job-runs', { items: [] })
const foresee = (change: object = {}) => json('post', '/api/v1/schedules/preview', { ...preview, ...change })

test('a list shows what became of the last time, and its filters are in the address', async () => {
  const asked: string[] = []
  server.use(
    jobs,
    http.get('http://localhost:3000/api/v1/schedules', ({ request }) => {
      asked.push(new URL(request.url).search)
      return HttpResponse.json({
        items: [
          { ...schedule, last_run_at: '2026-01-05T08:00:00Z', last_run: { id: 12, status: 'FAILED' }, last_outcome: 'started' },
          { ...schedule, id: 5, job_name: 'Late', last_run_at: '2026-01-05T08:00:00Z', last_outcome: 'skipped', last_reason: 'run 3 was under way', state: 'broken', state_reason: 'airflow refused it', engine: 'airflow' },
          { ...schedule, id: 6, job_name: 'Idle', enabled: false, next_run_at: null },
        ],
      })
    }),
  )
  const { router } = renderRoutes(routes, '/schedules?show=on&job=7')
  expect(await screen.findByRole('link', { name: /^Failed ?run 12$/ })).toHaveAttribute('href', '/runs/12')
  expect(screen.getByText('Skipped').closest('[title]')).toHaveAttribute('title', 'Run 3 was under way')
  expect(screen.getAllByText('Broken')[0]?.closest('[title]')).toHaveAttribute('title', 'Airflow refused it')
  expect(screen.getByRole('switch', { name: /^On: Idle/ })).not.toBeChecked()
  expect((await screen.findAllByText('At 09:00, only on Monday')).length).toBe(3)
  expect(asked[0]).toContain('job_id=7')
  expect(asked[0]).toContain('enabled=true')
  await userEvent.click(screen.getByRole('button', { name: 'Clear filters' }))
  await waitFor(() => expect(router.state.location.search).toBe(''))
})

test('a switch that fails says why, and stays as it was', async () => {
  server.use(jobs, json('get', '/api/v1/schedules', { items: [schedule] }), problem('post', '/api/v1/schedules/4/disable', 412, { code: 'version_conflict', title: 'It was changed meanwhile', fix: 'Look again' }))
  renderRoutes(routes, '/schedules')
  await userEvent.click(await screen.findByRole('switch', { name: /^On: Orders/ }))
  expect(await screen.findByRole('alert')).toHaveTextContent('It was changed meanwhile')
  expect(screen.getByRole('switch', { name: /^On: Orders/ })).toBeChecked()
})

test('every wrong field is explained, in the list and where it is built', async () => {
  server.use(
    jobs, job,
    foresee({
      valid: false, next: [],
      errors: [
        { field: 'hour', value: '25', reason: 'there is no hour 25', fix: 'Use 0 to 23', position: 2 },
        { field: 'day_of_week', value: 'XYZ', reason: '"XYZ" is no day of week', fix: 'Use 0 to 7', position: 9 },
      ],
    }),
  )
  renderRoutes(routes, '/schedules/new?job=7')
  await userEvent.click(await screen.findByLabelText('Custom'))
  const text = screen.getByLabelText('Cron expression')
  fireEvent.change(text, { target: { value: '0 25 * * XYZ' } })
  const list = await screen.findByRole('list', { name: 'What is wrong with the expression' })
  expect(within(list).getAllByRole('listitem').map((each) => each.textContent)).toEqual(['Hour 25: there is no hour 25. Use 0 to 23.', 'Day of week XYZ: "XYZ" is no day of week. Use 0 to 7.'])
  expect(text).toHaveAttribute('aria-invalid', 'true')
  await userEvent.click(screen.getByRole('button', { name: /^Hour/ }))
  expect(screen.getByText(/^There is no hour 25/)).toBeVisible()
  expect(screen.getByText('It cannot be read yet')).toBeVisible()
})

test('the builder writes the expression field by field', async () => {
  server.use(jobs, job, foresee())
  renderRoutes(routes, '/schedules/new?job=7')
  await userEvent.click(await screen.findByLabelText('Custom'))
  await userEvent.click(screen.getByRole('button', { name: /^Weekday/ }))
  await userEvent.selectOptions(screen.getByLabelText('Weekday: which'), 'From … to …')
  expect(screen.getByLabelText('Cron expression')).toHaveValue('0 0 * * MON-FRI')
  await userEvent.click(screen.getByRole('button', { name: /^Hour/ }))
  await userEvent.click(screen.getByRole('button', { name: 'Hour 6' }))
  expect(screen.getByLabelText('Cron expression')).toHaveValue('0 0,6 * * MON-FRI')
  await userEvent.click(screen.getByLabelText('Every hour'))
  expect(screen.queryByLabelText('Cron expression')).toBeNull()
  await waitFor(() => expect(screen.getByTestId('words')).toHaveTextContent('Every hour'))
})

test('changes of the clocks, a job that is slower than its schedule, and a missing Airflow are said', async () => {
  server.use(jobs, job, foresee({ average_run_seconds: 125, shortest_interval_seconds: 60, warning: 'it is slower' }))
  renderRoutes(routes, '/schedules/new?job=7')
  expect(await screen.findByText('The clocks go forward: there is no 02:30, and it fires at 03:00')).toBeVisible()
  expect(screen.getByText(/Its runs take 2 min 5 s on average, and there are as little as 1 min between/)).toBeVisible()
  expect(screen.getByText(/This portal knows no Airflow/)).toBeVisible()
  expect(screen.queryByRole('radio', { name: /Airflow/ })).toBeNull()
})

test('a new one asks for its job, and is made as it was filled in', async () => {
  let sent: unknown
  server.use(
    jobs, job, runs,
    foresee({ engines: ['native', 'airflow'] }),
    json('get', '/api/v1/schedules/4', schedule),
    http.post('http://localhost:3000/api/v1/schedules', async ({ request }) => {
      sent = { job: new URL(request.url).searchParams.get('job_id'), body: await request.json() }
      return HttpResponse.json(schedule, { status: 201 })
    }),
  )
  const { router } = renderRoutes(routes, '/schedules/new')
  const user = userEvent.setup()
  await user.click(await screen.findByLabelText('Mondays at 9:00'))
  await user.click(screen.getByText('Save and switch on'))
  expect(await screen.findByRole('link', { name: 'Choose the job that it runs' })).toBeVisible()
  await screen.findByRole('option', { name: 'Orders' })
  await user.selectOptions(screen.getByLabelText('Job'), 'Orders')
  fireEvent.change(screen.getByLabelText('By the clocks of'), { target: { value: 'Europe/Berlin' } })
  await user.click(screen.getByLabelText(/^Queue it/))
  await user.click(screen.getByLabelText(/^Run all/))
  fireEvent.change(screen.getByLabelText('At most'), { target: { value: '3' } })
  await user.click(await screen.findByLabelText(/^Airflow/))
  await user.click(screen.getByText('Save and switch on'))
  await waitFor(() => expect(router.state.location.pathname).toBe('/schedules/4'))
  expect(sent).toEqual({
    job: '7',
    body: { cron_expression: '0 9 * * 1', timezone: 'Europe/Berlin', enabled: true, engine: 'airflow', overlap_policy: 'queue', catch_up_policy: 'all', catch_up_max: 3, jitter_seconds: 0 },
  })
})

test('a zone that is being typed does not break the page', async () => {
  server.use(jobs, job, foresee())
  renderRoutes(routes, '/schedules/new?job=7')
  expect(await screen.findByTestId('next')).toBeVisible()
  await userEvent.type(screen.getByLabelText('By the clocks of'), 'x')
  await waitFor(() => expect(screen.getByTestId('words')).toHaveTextContent('It cannot be read yet'))
  expect(screen.getByText('A name such as Europe/Berlin or UTC.')).toBeVisible()
})

test('one that could not be handed over says why, and that nothing has to be done', async () => {
  server.use(jobs, job, runs, foresee(), json('get', '/api/v1/schedules/4', { ...schedule, state: 'pending', state_reason: 'Airflow does not answer' }))
  renderRoutes(routes, '/schedules/4')
  expect(await screen.findByRole('alert')).toHaveTextContent('Airflow does not answer')
  expect(screen.getByRole('alert')).toHaveTextContent('handed over as soon as that works')
})

test('a change keeps the bounds that were not touched, and is for the version that was shown', async () => {
  let sent: unknown
  server.use(
    jobs, job, runs, foresee(),
    json('get', '/api/v1/schedules/4', { ...schedule, start_at: '2026-01-01T00:00:30Z' }),
    http.put('http://localhost:3000/api/v1/schedules/4', async ({ request }) => {
      sent = { tag: request.headers.get('If-Match'), body: await request.json() }
      return HttpResponse.json({ type: 'x', title: 'Refused', code: 'bad_timezone', status: 422, detail: 'no', fix: '', errors: [{ location: 'body.timezone', message: 'there is no such zone' }], request_id: '' }, { status: 422, headers: { 'Content-Type': 'application/problem+json' } })
    }),
  )
  renderRoutes(routes, '/schedules/4')
  await userEvent.click(await screen.findByLabelText('Every hour'))
  expect(screen.getByText('Not saved yet')).toBeVisible()
  await userEvent.click(screen.getByRole('button', { name: 'Save' }))
  expect(await screen.findByRole('link', { name: 'There is no such zone' })).toBeVisible()
  expect(sent).toMatchObject({ tag: '"3"', body: { cron_expression: '0 * * * *', start_at: '2026-01-01T00:00:30Z', enabled: true } })
})

test('there is no schedule of what is no number, and none is asked for', async () => {
  renderRoutes(routes, '/schedules/nightly')
  expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeVisible()
})
