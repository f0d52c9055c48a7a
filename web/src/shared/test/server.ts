import { http, HttpResponse, type JsonBodyType } from 'msw'
import { setupServer } from 'msw/node'

/** The portal as tests see it: a test adds the answers that it needs; a request without one fails the test. */
export const server = setupServer()

/** Answers a path with JSON: `server.use(json('get', '/api/v1/jobs', { items: [] }))`. */
export function json(method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, body: JsonBodyType, status = 200) {
  return http[method](`http://localhost:3000${path}`, () => (status === 204 ? new HttpResponse(null, { status }) : HttpResponse.json(body, { status })))
}

/** Answers a path with a problem. */
export function problem(method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, status: number, details: { code: string; title?: string; detail?: string; fix?: string; errors?: { location: string; message: string }[] }) {
  return http[method](`http://localhost:3000${path}`, () =>
    HttpResponse.json({ type: `urn:etlportal:error:${details.code}`, title: 'Refused', detail: '', fix: '', errors: [], request_id: 'request-1', status, ...details }, { status, headers: { 'Content-Type': 'application/problem+json' } }),
  )
}
