import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'
import { liveInterval } from '@/shared/api/queries'

const idleInterval = 30_000

/** The figures of the last hours; asked for often while something runs. */
export const summaryQuery = (hours: number) =>
  queryOptions({
    queryKey: ['runs', 'summary', hours],
    queryFn: ({ signal }) => call(client.GET('/api/v1/summary', { signal, params: { query: { hours } } })),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data && state.data.runs_running + state.data.runs_pending > 0 ? liveInterval : idleInterval),
  })
