import { keepPreviousData, queryOptions, type QueryClient } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'
import { isLive, type LogEntry, type Run } from '@/shared/api/model'
import type { components } from '@/shared/api/schema'
import { liveInterval, type RunFilter } from '@/shared/api/queries'

/** How many lines of a log are asked for at a time. */
export const logPage = 500
/** Runs of one page of the history. */
const runPage = 50

/** A page of the history; it looks again only while something of it may change. */
export const historyQuery = (filter: RunFilter, cursor?: string) =>
  queryOptions({
    queryKey: ['runs', 'history', filter, cursor ?? ''],
    queryFn: ({ signal }) => call(client.GET('/api/v1/job-runs', { signal, params: { query: { ...filter, cursor, limit: runPage } } })),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.items.some(isLive) ? liveInterval : false),
  })

/** The chunks of a run, asked for anew when its state changes and every 2 s while it is live. */
export const chunksQuery = (run: Pick<Run, 'id' | 'status'>) =>
  queryOptions({
    queryKey: ['runs', 'chunks', run.id, run.status],
    queryFn: ({ signal }) => call(client.GET('/api/v1/job-runs/{id}/chunks', { signal, params: { path: { id: run.id } } })),
    placeholderData: keepPreviousData,
    refetchInterval: isLive(run) ? 2_000 : false,
  })

/** The groups of what a run set aside; anew whenever their number grows. Lines of the first file stand in the rows alone. */
export const rejectSummaryQuery = (run: Pick<Run, 'id' | 'parent_run_id' | 'rows_rejected' | 'status'>) =>
  queryOptions({
    queryKey: ['runs', 'reject-summary', run.id, run.rows_rejected, run.status],
    // As CSV the same answer is text.
    queryFn: async ({ signal }) => (await call(client.GET('/api/v1/job-runs/{id}/rejects', { signal, params: { path: { id: run.id }, query: { limit: run.parent_run_id === null ? 1 : 200 } } }))) as components['schemas']['Rejects'],
    placeholderData: keepPreviousData,
  })

export type Level = LogEntry['level']
/** The levels by their weight. */
export const levels: Level[] = ['debug', 'info', 'warn', 'error']

/** The part of a log that is here, oldest first. */
export interface Log {
  entries: LogEntry[]
  /** There are entries before the first one. */
  earlier: boolean
}

const logKey = (id: number, level: Level) => ['runs', 'log', id, level] as const

/** The end of a run's log. What comes later is added to it, and what was before when it is asked for. */
export const logQuery = (id: number, level: Level = 'debug') =>
  queryOptions({
    queryKey: logKey(id, level),
    queryFn: async ({ signal }): Promise<Log> => {
      const page = await call(client.GET('/api/v1/job-runs/{id}/logs', { signal, params: { path: { id }, query: { tail: true, limit: logPage, level } } }))
      return { entries: page.items, earlier: page.earlier }
    },
    staleTime: Infinity,
    // Another level's lines say nothing of this one's; those of another visit may have been followed by others.
    gcTime: 0,
  })

/** The entries of both, each once, by their id. */
export function mergeEntries(before: LogEntry[], more: LogEntry[]): LogEntry[] {
  const last = before.at(-1)?.id ?? 0
  const fresh = more.filter((entry) => entry.id > last)
  return fresh.length === 0 ? before : [...before, ...fresh]
}

/** Adds what a run has just logged to what is shown of its log. */
export function appendLog(queries: QueryClient, id: number, entries: LogEntry[]): void {
  for (const level of levels) {
    const wanted = entries.filter((entry) => levels.indexOf(entry.level) >= levels.indexOf(level))
    if (wanted.length === 0) continue
    queries.setQueryData<Log>(logKey(id, level), (log) => log && { ...log, entries: mergeEntries(log.entries, wanted) })
  }
}

/** Asks for the lines before the first one that is here; the answer is how many came. */
export async function loadOlder(queries: QueryClient, id: number, level: Level): Promise<number> {
  const first = queries.getQueryData<Log>(logKey(id, level))?.entries[0]
  if (!first) return 0
  const page = await call(client.GET('/api/v1/job-runs/{id}/logs', { params: { path: { id }, query: { before: first.id, limit: logPage, level } } }))
  queries.setQueryData<Log>(logKey(id, level), (log) => log && { entries: [...page.items, ...log.entries], earlier: page.earlier })
  return page.items.length
}

/** Every line of a log from an id on, page by page. */
export async function logsAfter(id: number, after: number, signal?: AbortSignal): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for (;;) {
    const page = await call(client.GET('/api/v1/job-runs/{id}/logs', { signal, params: { path: { id }, query: { after: entries.at(-1)?.id ?? after, limit: 1000 } } }))
    entries.push(...page.items)
    if (!page.later || page.items.length === 0) return entries
  }
}
