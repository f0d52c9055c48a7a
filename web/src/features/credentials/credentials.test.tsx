import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { json, problem, server } from '@/shared/test/server'
import { renderRoutes } from '@/shared/test/render'
import { initial, inputOf, parse, parseUrl } from './form'
import { routes } from './routes'

const credential = {
  id: 7, name: 'Sales', type: 'postgresql', host: 'db', port: 5432, database: 'sales', username: 'me', ssl_mode: 'prefer', options: {}, max_parallel: 4, version: 2,
  created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
} as const

test('the first failing step shows the missing GRANT, and the steps after it were not tried', async () => {
  server.use(
    json('get', '/api/v1/credentials/7', credential),
    json('get', '/api/v1/jobs', { items: [] }),
    json('post', '/api/v1/credentials/7/test', {
      ok: false,
      steps: [
        { name: 'dns', ok: true, detail: '10.0.0.1', duration_ms: 1 },
        { name: 'tcp', ok: true, detail: 'connected', duration_ms: 2 },
        { name: 'tls', ok: true, detail: 'TLS 1.3', duration_ms: 3 },
        { name: 'login', ok: true, detail: 'logged in', duration_ms: 4 },
        { name: 'privileges', ok: false, code: 'missing_privilege', detail: 'no temporary tables', fix: 'GRANT TEMPORARY ON DATABASE sales TO me;', duration_ms: 5 },
      ],
    }),
  )
  renderRoutes(routes, '/credentials/7')
  await userEvent.click(await screen.findByRole('button', { name: 'Test connection' }))
  expect(await screen.findByText('Not usable yet: see the step that failed.')).toBeInTheDocument()
  expect(screen.getByRole('region', { name: 'Missing grants' })).toHaveTextContent('GRANT TEMPORARY ON DATABASE sales TO me;')
})

test('a refused field is marked, and what was typed stays', async () => {
  server.use(problem('post', '/api/v1/credentials', 422, { code: 'bad', detail: 'host: is refused', errors: [{ location: 'body.host', message: 'is never a database' }] }))
  renderRoutes(routes, '/credentials/new')
  const user = userEvent.setup()
  const host = await screen.findByLabelText('Host')
  await user.click(host)
  await user.paste('postgres://loader:p%40ss@db.example.org:6543/sales?sslmode=verify-full')
  expect(host).toHaveValue('db.example.org')
  expect(screen.getByLabelText('Port')).toHaveValue('6543')
  expect(screen.getByLabelText('Password')).toHaveValue('p@ss')
  await user.type(screen.getByLabelText('Name'), 'Sales')
  await user.click(screen.getByRole('button', { name: 'Save and test' }))
  expect(await screen.findByText('is never a database', { selector: '#field-host-error' })).toBeInTheDocument()
  expect(host).toBeInvalid()
  expect(host).toHaveValue('db.example.org')
})

test.each([
  ['postgresql://me@[::1]/db', { host: '::1', port: '5432', database: 'db', username: 'me', password: '' }],
  ['redshift://a:b@c:5439/d', { type: 'redshift', port: '5439' }],
  ['db.example.org', null],
  ['https://example.org', null],
  ['postgres://%%%', null],
])('%s', (text, found) => {
  const parsed = parseUrl(text)
  if (found === null) expect(parsed).toBeNull()
  else expect(parsed).toMatchObject(found)
})

test('an update keeps the password and the options that the form does not show', () => {
  const before = { ...credential, options: { connect_timeout: '5', ssl_root_cert: 'old' } }
  const input = inputOf(parse({ ...initial(before), ssl_root_cert: '' }), before)
  expect(input.options).toEqual({ connect_timeout: '5' })
  expect(input).not.toHaveProperty('password')
})
