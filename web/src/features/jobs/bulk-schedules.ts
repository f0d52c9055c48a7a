import { call, client } from '@/shared/api/client'
import type { Job, Schedule } from '@/shared/api/model'
import { Problem, toProblem } from '@/shared/api/problem'
import { sentence } from '@/shared/lib/format'
import { allSchedules } from './job-schedules'

/** So many requests are under way at a time. */
const width = 4

type JobName = Pick<Job, 'id' | 'name'>

/** What is to be switched: every schedule of these jobs, and these schedules. */
export interface Work {
  jobs: readonly JobName[]
  schedules: readonly Schedule[]
  on: boolean
}

/** What could not be switched; without a schedule those of the job could not be read. */
export interface Failure {
  job: JobName
  schedule?: Schedule
  problem: Problem
}

/** What became of each schedule. */
export interface Outcome {
  on: boolean
  /** As they are now. */
  switched: Schedule[]
  /** They were on, or off, before. */
  already: Schedule[]
  /** Jobs without any schedule. */
  none: JobName[]
  failed: Failure[]
}

async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
}

/** Switches schedules on or off, each by itself: what fails keeps none of the others. */
export async function switchSchedules({ jobs, schedules, on }: Work, progress: (done: number, total: number) => void): Promise<Outcome> {
  const outcome: Outcome = { on, switched: [], already: [], none: [], failed: [] }
  const found = new Map<number, Schedule[]>()
  await each(jobs, async (job) => {
    try {
      found.set(job.id, await allSchedules(job.id))
    } catch (error) {
      outcome.failed.push({ job, problem: toProblem(error) })
    }
  })
  outcome.none = jobs.filter((job) => found.get(job.id)?.length === 0)
  const all = [...schedules, ...jobs.flatMap((job) => found.get(job.id) ?? [])]
  outcome.already = all.filter((schedule) => schedule.enabled === on)
  const wanted = all.filter((schedule) => schedule.enabled !== on)
  let done = 0
  progress(done, wanted.length)
  await each(wanted, async (schedule) => {
    // Of whatever version it is: only the switch is set, and what else somebody changed meanwhile stays.
    const params = { path: { id: schedule.id } }
    try {
      outcome.switched.push(await call(on ? client.POST('/api/v1/schedules/{id}/enable', { params }) : client.POST('/api/v1/schedules/{id}/disable', { params })))
    } catch (error) {
      outcome.failed.push({ job: { id: schedule.job_id, name: schedule.job_name }, schedule, problem: toProblem(error) })
    }
    progress(++done, wanted.length)
  })
  return outcome
}

/** What is left to do after an outcome. */
export function leftOf({ on, failed }: Outcome): Work {
  return { on, jobs: failed.flatMap(({ job, schedule }) => (schedule ? [] : job)), schedules: failed.flatMap(({ schedule }) => schedule ?? []) }
}

/** An outcome together with that of what was left of it. */
export function joined(before: Outcome, after: Outcome): Outcome {
  return { on: after.on, switched: [...before.switched, ...after.switched], already: [...before.already, ...after.already], none: [...before.none, ...after.none], failed: after.failed }
}

/** How many jobs schedules are of. */
export function jobsOf(schedules: readonly Schedule[]): number {
  return new Set(schedules.map((schedule) => schedule.job_id)).size
}

/** All failures as one, each by its job and expression; null where there is none. */
export function failureOf({ on, failed }: Outcome): Problem | null {
  const first = failed[0]?.problem
  if (!first) return null
  const verb = on ? 'resumed' : 'paused'
  const unread = failed.filter(({ schedule }) => !schedule).length
  const counts = [
    failed.length > unread && (failed.length - unread === 1 ? `A schedule could not be ${verb}` : `${failed.length - unread} schedules could not be ${verb}`),
    unread > 0 && (unread === 1 ? 'the schedules of a job could not be read' : `the schedules of ${unread} jobs could not be read`),
  ].filter((part) => part !== false)
  // What helps all is said once.
  const fix = failed.every(({ problem }) => problem.fix === first.fix) ? first.fix : ''
  return new Problem({
    title: sentence(counts.join(', and ')),
    detail: `${failed.length - unread > 0 ? `They are ${on ? 'off' : 'on'} as before. ` : ''}What else was chosen is done.`,
    code: first.code,
    status: first.status,
    fix,
    request_id: failed.length === 1 ? first.requestId : '',
    errors: failed.map(({ job, schedule, problem }) => ({
      location: schedule ? `${job.name}, ${schedule.cron_expression} (schedule ${schedule.id})` : job.name,
      message: [problem.detail || problem.title, !fix && problem.fix, failed.length > 1 && problem.requestId && `(request ${problem.requestId})`].filter(Boolean).join(' '),
    })),
  })
}
