import { call, client } from '@/shared/api/client'
import { Problem, toProblem } from '@/shared/api/problem'

/** The address of a run's page, to be sent to others. */
export function linkTo(id: number): string {
  return `${window.location.origin}/runs/${id}`
}

/** A command that reads the run. */
export function curlOf(id: number): string {
  return `curl -fsS -H "Authorization: Bearer $ETLPORTAL_TOKEN" ${window.location.origin}/api/v1/job-runs/${id}`
}

/** Deletes runs one by one; where some stay it throws a Problem that says which and why. */
export async function deleteRuns(ids: number[], deleted: (id: number) => void): Promise<void> {
  const failed: { id: number; problem: Problem }[] = []
  for (const id of ids) {
    try {
      await call(client.DELETE('/api/v1/job-runs/{id}', { params: { path: { id } } }))
      deleted(id)
    } catch (error) {
      const problem = toProblem(error)
      // Deleted by someone else meanwhile: it is what was wanted.
      if (problem.status === 404) deleted(id)
      else failed.push({ id, problem })
    }
  }
  const first = failed[0]
  if (!first) return
  if (ids.length === 1) throw first.problem
  throw new Problem({
    title: `${failed.length} of ${ids.length} runs could not be deleted`,
    detail: 'The others are deleted.',
    code: first.problem.code,
    status: first.problem.status,
    request_id: first.problem.requestId,
    fix: first.problem.fix,
    errors: failed.map(({ id, problem }) => ({ location: `run ${id}`, message: problem.detail || problem.title })),
  })
}
