import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import type { CredentialInput } from '@/shared/api/model'
import { json, problem, server } from '@/shared/test/server'
import { renderRoutes } from '@/shared/test/render'
import { initial, inputOf, parse, parseUrl, type Fields } from './form'
import { grants, portalPolicy } from './needs'
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
  ['redshift://a:b@c/d?sslmode=prefer', { type: 'redshift', ssl_mode: 'require' }],
  ['postgresql://a:b@shop.123456789012.eu-central-1.redshift-serverless.amazonaws.com/d?sslmode=verify-full', { type: 'redshift', port: '5439', workgroup: 'shop', ssl_mode: 'verify-full' }],
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

const arn = 'arn:aws:iam::123456789012:role/copy'
const endpoint = 'shop.123456789012.eu-central-1.redshift-serverless.amazonaws.com'
const redshift = {
  ...credential, id: 8, name: 'Shop', type: 'redshift', host: endpoint, port: 5439, database: 'dev', username: 'loader', ssl_mode: 'require',
  options: { copy_role_arn: arn, staging_bucket: 'stage', connect_timeout: '9' } as Record<string, string>,
} as const

/** What the page sends, as it comes. */
function sent(method: 'post' | 'put', path: string): { body?: CredentialInput } {
  const kept: { body?: CredentialInput } = {}
  server.use(
    http[method](`http://localhost:3000${path}`, async ({ request }) => {
      kept.body = (await request.json()) as CredentialInput
      return HttpResponse.json(redshift)
    }),
  )
  return kept
}

test('an endpoint as AWS shows it fills the form of a workgroup, whose policies carry what is typed', async () => {
  const request = sent('post', '/api/v1/credentials')
  server.use(json('get', '/api/v1/credentials/8', redshift), json('get', '/api/v1/jobs', { items: [] }), json('post', '/api/v1/credentials/8/test', { ok: true, steps: [] }))
  renderRoutes(routes, '/credentials/new')
  const user = userEvent.setup()
  await user.click(await screen.findByRole('radio', { name: /Amazon Redshift/ }))
  expect(screen.getByLabelText('Port')).toHaveValue('5439')
  expect(screen.getByLabelText('Encryption (ssl_mode)')).toHaveValue('require')
  expect(within(screen.getByLabelText('Encryption (ssl_mode)')).queryByRole('option', { name: /prefer/ })).toBeNull()
  await user.click(screen.getByLabelText('Endpoint'))
  await user.paste(`${endpoint}:5440/dev`)
  expect(screen.getByLabelText('Endpoint')).toHaveValue(endpoint)
  expect(screen.getByLabelText('Port')).toHaveValue('5440')
  expect(screen.getByLabelText('Database')).toHaveValue('dev')
  await user.type(screen.getByLabelText('Name'), 'Shop')
  await user.type(screen.getByLabelText('User'), 'Loader')
  await user.type(screen.getByLabelText('Password'), 'word')
  await user.click(screen.getByRole('button', { name: 'Save and test' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Name the role by which COPY reads the files')
  await user.type(screen.getByLabelText('Role’s ARN'), arn)
  await user.type(screen.getByLabelText(/^Bucket \(/), 'stage')
  expect(screen.getByRole('region', { name: 'The role’s policy' })).toHaveTextContent('"Resource": "arn:aws:s3:::stage/redshift/*"')
  expect(screen.getByRole('region', { name: 'The portal’s policy' })).not.toHaveTextContent('GetCredentials')
  expect(screen.getByRole('region', { name: 'Grants' })).toHaveTextContent('GRANT TEMPORARY ON DATABASE dev TO "Loader";')
  await user.click(screen.getByRole('button', { name: 'Save and test' }))
  expect(await screen.findByRole('heading', { level: 1, name: 'Shop' })).toBeVisible()
  expect(request.body).toEqual({
    name: 'Shop', type: 'redshift', host: endpoint, port: 5440, database: 'dev', username: 'Loader', password: 'word', ssl_mode: 'require', max_parallel: 4,
    options: { copy_role_arn: arn, staging_bucket: 'stage' },
  })
})

test('each access has only its own fields, and what it does not use is not sent', async () => {
  const request = sent('post', '/api/v1/credentials')
  server.use(json('get', '/api/v1/credentials/8', redshift), json('get', '/api/v1/jobs', { items: [] }), json('post', '/api/v1/credentials/8/test', { ok: true, steps: [] }))
  renderRoutes(routes, '/credentials/new')
  const user = userEvent.setup()
  await user.click(await screen.findByRole('radio', { name: /Amazon Redshift/ }))
  await user.type(screen.getByLabelText('Password'), 'left over')
  await user.click(screen.getByRole('radio', { name: /^IAM/ }))
  expect(screen.queryByLabelText('Password')).toBeNull()
  expect(screen.queryByLabelText(/^User \(/)).toBeNull()
  expect(screen.getByLabelText('Workgroup')).toBeRequired()
  expect(within(screen.getByLabelText('Encryption (ssl_mode)')).queryByRole('option', { name: /disable/ })).toBeNull()
  await user.selectOptions(screen.getByLabelText('Warehouse'), 'cluster')
  expect(screen.getByLabelText('User (optional)')).toBeVisible()

  await user.click(screen.getByRole('radio', { name: /^Data API/ }))
  expect(screen.queryByLabelText('Endpoint')).toBeNull()
  expect(screen.queryByLabelText('Port')).toBeNull()
  expect(screen.queryByLabelText('Encryption (ssl_mode)')).toBeNull()
  await user.click(screen.getByLabelText('Cluster'))
  await user.paste(`${endpoint}:5439/dev`)
  expect(screen.getByLabelText('Workgroup')).toHaveValue('shop')
  expect(screen.getByLabelText('Region (optional)')).toHaveValue('eu-central-1')
  expect(screen.getByRole('region', { name: 'The portal’s policy' })).toHaveTextContent('arn:aws:redshift-serverless:eu-central-1:123456789012:workgroup/WORKGROUP_ID')
  expect(screen.getByRole('region', { name: 'Grants' })).toHaveTextContent('TO "IAMR:ROLE"')
  await user.type(screen.getByLabelText('Name'), 'Shop')
  await user.type(screen.getByLabelText('Role’s ARN'), 'default')
  await user.click(screen.getByRole('button', { name: 'Save and test' }))
  expect(await screen.findByRole('heading', { level: 1, name: 'Shop' })).toBeVisible()
  expect(request.body).toMatchObject({ host: '', username: '', password: '', options: { access: 'data_api', workgroup: 'shop', region: 'eu-central-1', copy_role_arn: 'default' } })
})

test('a host that is corrected by hand names the warehouse anew, until somebody names it', async () => {
  renderRoutes(routes, '/credentials/new')
  const user = userEvent.setup()
  await user.click(await screen.findByRole('radio', { name: /Amazon Redshift/ }))
  const host = screen.getByLabelText('Endpoint')
  await user.type(host, 'ship.abc123.eu-central-1.redshift.amazonaws.com')
  await user.tab()
  await user.clear(host)
  await user.type(host, 'shop.abc123.eu-west-1.redshift.amazonaws.com')
  await user.click(screen.getByRole('radio', { name: /^IAM/ }))
  expect(screen.getByLabelText('Cluster (optional)')).toHaveValue('shop')
  expect(screen.getByLabelText('Region (optional)')).toHaveValue('eu-west-1')
  await user.clear(screen.getByLabelText('Cluster (optional)'))
  await user.type(screen.getByLabelText('Cluster (optional)'), 'mine')
  await user.type(host, '.cn')
  await user.tab()
  expect(screen.getByLabelText('Cluster (optional)')).toHaveValue('mine')
})

test('an option that the portal refuses is marked at its field', async () => {
  server.use(
    json('get', '/api/v1/credentials/8', redshift),
    json('get', '/api/v1/jobs', { items: [] }),
    problem('put', '/api/v1/credentials/8', 422, { code: 'bad_option', errors: [{ location: 'body.options.staging_bucket', message: '"stage.." does not look like one' }] }),
  )
  renderRoutes(routes, '/credentials/8')
  const user = userEvent.setup()
  expect(await screen.findByText(`${endpoint}:5439/dev`)).toBeVisible()
  await user.clear(screen.getByLabelText(/^Bucket \(/))
  await user.type(screen.getByLabelText(/^Bucket \(/), 'stage..x')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  expect(await screen.findByText('"stage.." does not look like one', { selector: '#field-staging_bucket-error' })).toBeVisible()
  expect(screen.getByRole('link', { name: '"stage.." does not look like one' })).toBeVisible()
})

test('a stored destination keeps its password and unknown options; another access forgets the password', async () => {
  const request = sent('put', '/api/v1/credentials/8')
  server.use(json('get', '/api/v1/credentials/8', redshift), json('get', '/api/v1/jobs', { items: [] }))
  renderRoutes(routes, '/credentials/8')
  const user = userEvent.setup()
  expect(await screen.findByLabelText('Password')).toHaveValue('')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(request.body).toBeDefined())
  expect(request.body).not.toHaveProperty('password')
  expect(request.body?.options).toEqual(redshift.options)
  delete request.body
  await user.click(screen.getByRole('radio', { name: /^IAM/ }))
  expect(screen.getByLabelText('Workgroup (optional)')).toHaveValue('shop')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(request.body).toBeDefined())
  expect(request.body).toMatchObject({ password: '', username: '', options: { ...redshift.options, access: 'iam', workgroup: 'shop', region: 'eu-central-1' } })
})

test('a destination whose access keeps no password does not speak of a stored one, and its delete names the jobs', async () => {
  server.use(
    json('get', '/api/v1/credentials/8', { ...redshift, options: { ...redshift.options, access: 'iam' } }),
    json('get', '/api/v1/jobs', { items: [{ id: 3, name: 'Orders', schema: 'sales', table: 'orders', recent_runs: [] }] }),
  )
  renderRoutes(routes, '/credentials/8')
  const user = userEvent.setup()
  await user.click(await screen.findByRole('radio', { name: /^User and password/ }))
  expect(screen.getByLabelText('Password')).toHaveAccessibleDescription('Stored encrypted, and never shown again.')
  await screen.findByRole('link', { name: 'Orders' })
  await user.click(screen.getByRole('button', { name: 'Delete' }))
  const dialog = await screen.findByRole('alertdialog')
  expect(dialog).toHaveTextContent('1 job loads into it, and it cannot be deleted while one does:')
  expect(within(dialog).getByRole('link', { name: 'Orders' })).toHaveAttribute('href', '/jobs/3')
})

test.each([
  [{}, ['Name', 'Network', 'Encryption', 'Login', 'Privileges', 'Staging', 'COPY role']],
  [{ access: 'iam' }, ['Name', 'Network', 'Encryption', 'Temporary credentials', 'Login', 'Privileges', 'Staging', 'COPY role']],
  [{ access: 'data_api', workgroup: 'shop' }, ['Login', 'Privileges', 'Staging', 'COPY role']],
])('the test of a warehouse with %o goes through its steps', async (options, names) => {
  server.use(json('get', '/api/v1/credentials/8', { ...redshift, options: { ...redshift.options, ...options } }), json('get', '/api/v1/jobs', { items: [] }))
  renderRoutes(routes, '/credentials/8')
  const list = await screen.findByRole('list', { name: 'Steps of the test' })
  expect(within(list).getAllByRole('listitem').map((each) => each.querySelector('p')?.textContent)).toEqual(names.map((name) => `${name}: not tried`))
})

test('a bucket that the portal may not write to is explained, with the way to the policy', async () => {
  server.use(
    json('get', '/api/v1/credentials/8', { ...redshift, options: { ...redshift.options, access: 'data_api', workgroup: 'shop' } }),
    json('get', '/api/v1/jobs', { items: [] }),
    json('post', '/api/v1/credentials/8/test', {
      ok: false,
      steps: [
        { name: 'login', ok: true, detail: 'logged in as IAMR:portal to database dev', duration_ms: 1 },
        { name: 'privileges', ok: true, detail: 'temporary tables can be made', duration_ms: 1 },
        { name: 'staging', ok: false, code: 'staging_denied', detail: 'no file could be put into the staging bucket stage', fix: 'Allow s3:PutObject on s3://stage/redshift/* to the portal.', duration_ms: 5 },
      ],
    }),
  )
  renderRoutes(routes, '/credentials/8?test=1')
  expect(await screen.findByText('Allow s3:PutObject on s3://stage/redshift/* to the portal.')).toBeVisible()
  expect(screen.getByText(': failed')).toBeInTheDocument()
  expect(screen.getByText('COPY role', { exact: false, selector: 'p' })).toHaveTextContent('COPY role: not tried')
  await userEvent.click(screen.getByRole('button', { name: 'What Redshift needs' }))
  expect(document.activeElement).toHaveTextContent('The portal’s own rights in AWS')
})

test('a list says the kind of a destination, and of the Data API the workgroup', async () => {
  server.use(json('get', '/api/v1/credentials', { items: [redshift, { ...redshift, id: 9, name: 'API', host: '', username: '', options: { access: 'data_api', workgroup: 'wg' } }, credential] }))
  renderRoutes(routes, '/credentials')
  expect(await screen.findByRole('row', { name: /^API.*Amazon Redshift wg\/dev/ })).toBeVisible()
  expect(screen.getByRole('row', { name: /^Shop/ })).toHaveTextContent(`${endpoint}:5439/dev`)
  expect(screen.getByRole('row', { name: /^Sales.*PostgreSQL/ })).toBeVisible()
})

test.each([
  [{ access: 'connection' }, ['s3:PutObject', '"Action": "s3:ListBucket"'], 'TO loader;'],
  [{ access: 'iam' }, ['s3:PutObject', 'redshift-serverless:GetCredentials'], 'TO "IAMR:ROLE";'],
  [{ access: 'iam', warehouse: 'cluster', cluster_identifier: 'c1' }, ['redshift:GetClusterCredentials"', ':dbuser:c1/loader', ':dbname:c1/dev'], 'CREATE USER loader PASSWORD DISABLE;'],
  [{ access: 'iam', warehouse: 'cluster', cluster_identifier: 'c1', username: '' }, ['redshift:GetClusterCredentialsWithIAM'], 'TO "IAMR:ROLE";'],
  [{ access: 'data_api' }, ['redshift-data:BatchExecuteStatement', 'redshift-serverless:GetCredentials'], 'TO "IAMR:ROLE";'],
  [{ access: 'iam', secret_arn: 'arn:aws:secretsmanager:left-over' }, ['redshift-serverless:GetCredentials'], 'TO "IAMR:ROLE";'],
  [{ access: 'data_api', secret_arn: 'arn:aws:secretsmanager:a' }, ['secretsmanager:GetSecretValue'], 'TO USER_NAME;'],
] as const)('what the portal needs for %o', (change, actions, grantee) => {
  const values = { ...initial(redshift), ...change } as Fields
  for (const action of actions) expect(portalPolicy(values)).toContain(action)
  expect(() => JSON.parse(portalPolicy(values)) as unknown).not.toThrow()
  expect(grants(values)).toContain(grantee)
})

test('there is no destination of what is no number, and none is asked for', async () => {
  renderRoutes(routes, '/credentials/warehouse')
  expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeVisible()
})
