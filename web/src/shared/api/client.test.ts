import { http, HttpResponse } from 'msw'
import { json, problem, server } from '../test/server'
import { call, callWithTag, client, fetchRaw } from './client'
import { Problem } from './problem'
import { setToken } from './session'

const me = { kind: 'owner', id: '1', name: 'me', role: 'admin' }
const failure = (promise: Promise<unknown>) => promise.then(() => expect.unreachable(), (error: unknown) => error as Problem)

test('data, and its tag', async () => {
  server.use(http.get('http://localhost:3000/api/v1/me', () => HttpResponse.json(me, { headers: { ETag: '"3"' } })))
  expect(await call(client.GET('/api/v1/me'))).toEqual(me)
  expect(await callWithTag(client.GET('/api/v1/me'))).toEqual({ data: me, etag: '"3"' })
})

test('a problem keeps all that it says', async () => {
  server.use(problem('get', '/api/v1/me', 422, { code: 'bad', title: 'Refused', detail: 'what', fix: 'do this', errors: [{ location: 'body.x', message: 'is odd' }] }))
  const error = await failure(call(client.GET('/api/v1/me')))
  expect(error).toBeInstanceOf(Problem)
  expect(error).toMatchObject({ status: 422, code: 'bad', detail: 'what', fix: 'do this', requestId: 'request-1', retryable: false })
  expect(error.report()).toBe('Refused\nwhat\nFix: do this\nbody.x: is odd\nCode: bad\nRequest: request-1')
})

test('what a proxy answers is a problem, too', async () => {
  server.use(http.get('http://localhost:3000/api/v1/me', () => HttpResponse.text('<h1>Bad gateway</h1>', { status: 502, headers: { 'X-Request-Id': 'r-7' } })))
  expect(await failure(call(client.GET('/api/v1/me')))).toMatchObject({ status: 502, code: 'unknown_answer', requestId: 'r-7', retryable: true })
})

test('no answer at all', async () => {
  server.use(http.get('http://localhost:3000/api/v1/me', () => HttpResponse.error()))
  expect(await failure(call(client.GET('/api/v1/me')))).toMatchObject({ status: 0, code: 'unreachable', retryable: true })
  expect(await failure(fetchRaw('/api/v1/me'))).toMatchObject({ code: 'unreachable' })
})

test('giving up is no problem', async () => {
  server.use(json('get', '/api/v1/me', me))
  const error = await failure(call(client.GET('/api/v1/me', { signal: AbortSignal.abort() })))
  expect(error).not.toBeInstanceOf(Problem)
  expect(error.name).toBe('AbortError')
})

test('the token of the tab goes along', async () => {
  setToken('etlp_x')
  const seen: (string | null)[] = []
  server.use(
    http.get('http://localhost:3000/api/v1/me', ({ request }) => {
      seen.push(request.headers.get('Authorization'))
      return HttpResponse.json(me)
    }),
  )
  await call(client.GET('/api/v1/me'))
  await fetchRaw('/api/v1/me')
  setToken('')
  await call(client.GET('/api/v1/me'))
  expect(seen).toEqual(['Bearer etlp_x', 'Bearer etlp_x', null])
})
