import type { components } from './schema'

type Details = components['schemas']['ProblemDetails']

/**
 * What went wrong, as people need it: what happened, what to do, and the id under which the
 * portal's log has it. Every failure of a request is one of these, those of the network included.
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly fix: string
  readonly errors: { location: string; message: string }[]
  readonly requestId: string
  readonly column?: string
  readonly line?: number
  readonly value?: string

  constructor(details: Partial<Details> & { title: string; code: string }) {
    super(details.detail ?? details.title)
    this.status = details.status ?? 0
    this.code = details.code
    this.title = details.title
    this.detail = details.detail ?? ''
    this.fix = details.fix ?? ''
    this.errors = details.errors ?? []
    this.requestId = details.request_id ?? ''
    this.column = details.column
    this.line = details.line
    this.value = details.value
  }

  /** Whether trying again may help without anything else being changed. */
  get retryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }

  /** Everything, as text to paste into a report. */
  report(): string {
    return [
      this.title,
      this.detail,
      this.fix && `Fix: ${this.fix}`,
      ...this.errors.map((each) => `${each.location}: ${each.message}`),
      `Code: ${this.code}`,
      this.requestId && `Request: ${this.requestId}`,
    ]
      .filter(Boolean)
      .join('\n')
  }
}

/** No answer came at all. */
export function unreachable(cause: unknown): Problem {
  const problem = new Problem({
    title: 'The portal does not answer',
    detail: navigator.onLine ? 'The request got no answer: the portal may be stopped or starting.' : 'This device is offline.',
    fix: navigator.onLine ? 'Check that the portal runs, then try again.' : 'Connect to the network, then try again.',
    code: 'unreachable',
  })
  problem.cause = cause
  return problem
}

function isDetails(body: unknown): body is Details {
  return typeof body === 'object' && body !== null && 'title' in body && 'code' in body
}

/** The problem that an answer's body says, or one made of its status where something before the portal answered. */
export function problemOf(body: unknown, response: Response): Problem {
  if (isDetails(body)) return new Problem({ ...body, status: body.status || response.status })
  return new Problem({
    title: `The portal answered ${response.status}`,
    detail: 'The answer is not one of the portal: a proxy in front of it may have refused the request.',
    fix: 'Try again; if it lasts, ask who runs the portal.',
    code: 'unknown_answer',
    status: response.status,
    request_id: response.headers.get('X-Request-Id') ?? '',
  })
}

/** Any thrown value as a Problem, for showing. An abort is for the caller to sort out before. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const problem = new Problem({
    title: 'Something of this page failed',
    detail: error instanceof Error ? error.message : String(error),
    fix: 'Reload the page; if it happens again, report it with these words.',
    code: 'page_failed',
  })
  problem.cause = error
  return problem
}
