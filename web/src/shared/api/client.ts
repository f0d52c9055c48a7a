import createClient, { type Middleware } from 'openapi-fetch'
import { problemOf, Problem, unreachable } from './problem'
import type { paths } from './schema'
import { askForToken, currentToken } from './session'

const session: Middleware = {
  onRequest({ request }) {
    const token = currentToken()
    if (token) request.headers.set('Authorization', `Bearer ${token}`)
    return request
  },
  onResponse({ response }) {
    if (response.status === 401) askForToken()
    return undefined
  },
}

/**
 * The portal's API, typed by its own description. Use it through `call`:
 *
 *     const job = await call(client.GET('/api/v1/jobs/{id}', { params: { path: { id } }, signal }))
 */
export const client = createClient<paths>({
  baseUrl: window.location.origin,
  // Taken at each call, so that tests can put theirs in its place.
  fetch: (request) => globalThis.fetch(request),
})
client.use(session)

/** Whether the caller gave up, which is no failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer. It throws a Problem for every other outcome, and an AbortError where the caller gave up. */
export async function call<T>(answering: Promise<Answer<T>>): Promise<T> {
  const { data } = await exchange(answering)
  return data
}

/** As call, with the answer's ETag: give it as If-Match with a change. */
export async function callWithTag<T>(answering: Promise<Answer<T>>): Promise<{ data: T; etag: string }> {
  const { data, response } = await exchange(answering)
  return { data, etag: response.headers.get('ETag') ?? '' }
}

async function exchange<T>(answering: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>
  try {
    answer = await answering
  } catch (error) {
    if (error instanceof Problem || isAbort(error)) throw error
    throw unreachable(error)
  }
  if (!answer.response.ok) throw problemOf(answer.error, answer.response)
  return { data: answer.data as T, response: answer.response }
}

/** A GET outside of the typed paths (downloads, streams), with the session's token. Throws as call. */
export async function fetchRaw(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  const token = currentToken()
  if (token) headers.set('Authorization', `Bearer ${token}`)
  let response: Response
  try {
    response = await globalThis.fetch(new URL(path, window.location.origin), { ...init, headers })
  } catch (error) {
    if (isAbort(error)) throw error
    throw unreachable(error)
  }
  if (response.status === 401) askForToken()
  if (!response.ok) throw problemOf(await response.json().catch(() => null), response)
  return response
}
