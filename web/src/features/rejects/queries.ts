import { infiniteQueryOptions, keepPreviousData } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'
import type { components } from '@/shared/api/schema'

export type Rejects = components['schemas']['Rejects']
export type Reloaded = components['schemas']['Reloaded']

/** Which rejected rows: those of a reason, of a column. */
export interface RejectFilter {
  code?: string
  column?: string
}

const page = 200

/** Rejected rows in file order, page by page, each page with the groups of all of them. */
export const rejectsQuery = (id: number, filter: RejectFilter) =>
  infiniteQueryOptions({
    queryKey: ['runs', 'rejects', id, filter],
    // As CSV the same answer is text.
    queryFn: async ({ signal, pageParam }) =>
      (await call(client.GET('/api/v1/job-runs/{id}/rejects', { signal, params: { path: { id }, query: { ...filter, limit: page, cursor: pageParam } } }))) as Rejects,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  })
