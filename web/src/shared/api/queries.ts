import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { call, client } from './client'
import { isLive, type RunStatus, type Schedule } from './model'

// What several features read. A feature's own questions stay with the feature.
// A list keeps its rows on the screen until those of another filter are there.
// Keys start with the resource, so that invalidate(['jobs']) reaches lists and single ones.

/** How often lists of runs look again while something runs, in milliseconds. */
export const liveInterval = 3_000

const firstPage = undefined as string | undefined

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => call(client.GET('/api/v1/me', { signal })),
  staleTime: 60_000,
})

/** Files, newest first, page by page. */
export const sourcesQuery = (limit = 50) =>
  infiniteQueryOptions({
    queryKey: ['sources', 'list', limit],
    queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/sources/csv', { signal, params: { query: { limit, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  })

export const sourceQuery = (fileId: string) =>
  queryOptions({
    queryKey: ['sources', 'one', fileId],
    queryFn: ({ signal }) => call(client.GET('/api/v1/sources/csv/{file_id}/metadata', { signal, params: { path: { file_id: fileId } } })),
  })

export interface JobFilter {
  q?: string
  status?: RunStatus | 'NEVER'
  credential_id?: number
  file_id?: string
}

/** Jobs with their last ten runs, page by page. */
export const jobsQuery = (filter: JobFilter = {}, limit = 50) =>
  infiniteQueryOptions({
    queryKey: ['jobs', 'list', filter, limit],
    queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/jobs', { signal, params: { query: { ...filter, limit, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  })

export const jobQuery = (id: number) =>
  queryOptions({
    queryKey: ['jobs', 'one', id],
    queryFn: ({ signal }) => call(client.GET('/api/v1/jobs/{id}', { signal, params: { path: { id } } })),
  })

export interface RunFilter {
  job_id?: number
  status?: RunStatus
  parent_run_id?: number
  /** Runs made at or after, and before, these times (RFC 3339). */
  since?: string
  until?: string
}

/** Runs, newest first, page by page. */
export const runsQuery = (filter: RunFilter = {}, limit = 50) =>
  infiniteQueryOptions({
    queryKey: ['runs', 'list', filter, limit],
    queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/job-runs', { signal, params: { query: { ...filter, limit, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((run) => run.status === 'RUNNING' || run.status === 'PENDING')) ? liveInterval : false,
  })

export const runQuery = (id: number) =>
  queryOptions({
    queryKey: ['runs', 'one', id],
    queryFn: ({ signal }) => call(client.GET('/api/v1/job-runs/{id}', { signal, params: { path: { id } } })),
  })

export const credentialsQuery = (limit = 200) =>
  infiniteQueryOptions({
    queryKey: ['credentials', 'list', limit],
    queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/credentials', { signal, params: { query: { limit, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  })

export const credentialQuery = (id: number) =>
  queryOptions({
    queryKey: ['credentials', 'one', id],
    queryFn: ({ signal }) => call(client.GET('/api/v1/credentials/{id}', { signal, params: { path: { id } } })),
  })

export interface ScheduleFilter {
  job_id?: number
  enabled?: 'true' | 'false'
}

// Soon after a schedule's time has come, its run is to be seen.
const watch = (schedules: Schedule[]): number => {
  const soon = schedules.some(({ next_run_at: next, last_run: run }) => (next && Date.parse(next) < Date.now() + 10_000) || (run && isLive(run)))
  return soon ? liveInterval : 15_000
}

/** Schedules, newest first, page by page. */
export const schedulesQuery = (filter: ScheduleFilter = {}, limit = 50) =>
  infiniteQueryOptions({
    queryKey: ['schedules', 'list', filter, limit],
    queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/schedules', { signal, params: { query: { ...filter, limit, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => watch(itemsOf(state.data)),
  })

export const scheduleQuery = (id: number) =>
  queryOptions({
    queryKey: ['schedules', 'one', id],
    queryFn: ({ signal }) => call(client.GET('/api/v1/schedules/{id}', { signal, params: { path: { id } } })),
    refetchInterval: ({ state }) => watch(state.data ? [state.data] : []),
  })

/** The items of all pages that are there. */
export function itemsOf<T>(data: { pages: { items: T[] | null }[] } | undefined): T[] {
  return data?.pages.flatMap((page) => page.items ?? []) ?? []
}
