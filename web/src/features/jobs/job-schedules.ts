import { queryOptions } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'
import type { Schedule } from '@/shared/api/model'

/** The most that the portal gives at a time. */
const page = 1000

/** Every schedule, or every one of a job, page after page. */
export async function allSchedules(job?: number, signal?: AbortSignal): Promise<Schedule[]> {
  const found: Schedule[] = []
  let cursor: string | undefined
  do {
    const { items, next_cursor } = await call(client.GET('/api/v1/schedules', { signal, params: { query: { ...(job ? { job_id: job } : {}), limit: page, cursor } } }))
    found.push(...items)
    cursor = next_cursor
  } while (cursor)
  return found
}

/** The schedules of all jobs: one question for a list of many. */
export const jobSchedulesQuery = queryOptions({
  queryKey: ['schedules', 'list', 'of-jobs'],
  queryFn: ({ signal }) => allSchedules(undefined, signal),
  // More than a page of them is too much to be asked for time and again.
  refetchInterval: ({ state }) => ((state.data?.length ?? 0) > page ? 60_000 : 15_000),
})

/** What a job's schedules come to. */
export interface Plan {
  total: number
  /** How many of them are off. */
  off: number
  /** The next time of those that are on; null where there is none. */
  next: string | null
  /** One that is on and does not fire as it should. */
  trouble?: Schedule
}

export function planOf(schedules: readonly Schedule[]): Plan {
  const on = schedules.filter((each) => each.enabled)
  const times = on.flatMap((each) => each.next_run_at ?? []).sort((a, b) => Date.parse(a) - Date.parse(b))
  return {
    total: schedules.length,
    off: schedules.length - on.length,
    next: times[0] ?? null,
    trouble: on.find((each) => each.state === 'broken') ?? on.find((each) => each.state === 'pending'),
  }
}
