import { infiniteQueryOptions, keepPreviousData, queryOptions, type QueryClient } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'
import type { Metadata, Source } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { sourceQuery } from '@/shared/api/queries'
import type { components } from '@/shared/api/schema'

type Schemas = components['schemas']
export type SourcePatch = Schemas['SourcePatch']
export type DialectOverrides = Schemas['DialectOverrides']
export type Histogram = Schemas['Histogram']
export type Fits = Schemas['Fits']
export type Fit = Schemas['Fit']
export type BadRow = Schemas['BadRow']

/** How often a file that is being profiled is asked about, in milliseconds. */
const profilePace = 1_000

/** Whether more will be known of a file by itself. */
export function isProfiling(state: Source['state']): boolean {
  return state === 'sampled' || state === 'running'
}

/** All files, in pages of the largest size: the list is searched here. */
export const allSourcesQuery = infiniteQueryOptions({
  queryKey: ['sources', 'list', 'all'],
  queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/sources/csv', { signal, params: { query: { limit: 1000, cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor,
  placeholderData: keepPreviousData,
  refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.items.some((file) => isProfiling(file.state))) ? 2 * profilePace : false),
})

/** A file, asked again while its profile grows. */
export const fileQuery = (fileId: string) =>
  queryOptions({
    ...sourceQuery(fileId),
    refetchInterval: ({ state }) => (state.data && isProfiling(state.data.profile.state) ? profilePace : false),
  })

/** Spread of the numbers and times of a file; of another version once it was corrected. */
export const histogramsQuery = (fileId: string, version: number) =>
  queryOptions({
    queryKey: ['sources', 'histograms', fileId, version],
    queryFn: ({ signal }) => call(client.GET('/api/v1/sources/csv/{file_id}/histograms', { signal, params: { path: { file_id: fileId }, query: { bins: 24 } } })),
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  })

/** Which types hold a column. */
export const fitsQuery = (fileId: string, version: number, column: string) =>
  queryOptions({
    queryKey: ['sources', 'fits', fileId, version, column],
    queryFn: ({ signal }) => call(client.POST('/api/v1/sources/csv/{file_id}/fits', { signal, params: { path: { file_id: fileId } }, body: { column } })),
    staleTime: Infinity,
  })

/** Some rows of a file, from an offset that is a multiple of their number. */
export interface RowPage {
  rows: (string | null)[][]
  lines: number[]
  bad: Map<number, BadRow>
  /** As far as is known; exact once the profile is complete. */
  total: number
}

/**
 * A page of rows. The portal ends a page early where its fields are large; it is asked on until the
 * page is whole. What is not indexed yet is asked for again until it is.
 */
export const rowsQuery = (fileId: string, offset: number, limit: number) =>
  queryOptions({
    queryKey: ['sources', 'rows', fileId, limit, offset],
    queryFn: async ({ signal }): Promise<RowPage> => {
      const page: RowPage = { rows: [], lines: [], bad: new Map(), total: 0 }
      let at: number | null = offset
      while (at !== null && page.rows.length < limit) {
        const answer: Schemas['Preview'] = await call(
          client.GET('/api/v1/sources/csv/{file_id}/preview', { signal, params: { path: { file_id: fileId }, query: { offset: at, limit: limit - page.rows.length } } }),
        )
        for (const bad of answer.bad_rows ?? []) page.bad.set(page.rows.length + bad.row, bad)
        page.rows.push(...answer.rows)
        page.lines.push(...answer.lines)
        page.total = answer.total_rows
        at = answer.next_offset !== null && answer.next_offset > at ? answer.next_offset : null
      }
      return page
    },
    staleTime: 60_000,
    gcTime: 60_000,
    retry: (failures, error) => error instanceof Problem && error.retryable && (error.code === 'profile_running' ? failures < 600 : failures < 2),
    retryDelay: profilePace,
  })

/**
 * Corrects how a file is read. What was asked of it before is asked anew, and shown until the answer
 * is there. A file that only its profile has changed meanwhile is corrected in its newest version.
 */
export async function correct(queries: QueryClient, file: Metadata, change: SourcePatch): Promise<Metadata> {
  const patch = ({ version }: Metadata) =>
    call(client.PATCH('/api/v1/sources/csv/{file_id}', { params: { path: { file_id: file.file_id }, header: { 'If-Match': `"${version}"` } }, body: change }))
  const { queryKey } = sourceQuery(file.file_id)
  let data: Metadata
  try {
    data = await patch(file)
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 412) throw error
    const newest = await queries.query({ ...sourceQuery(file.file_id), staleTime: 0 })
    if (JSON.stringify(newest.overrides) !== JSON.stringify(file.overrides)) throw error
    data = await patch(newest)
  }
  await queries.cancelQueries({ queryKey })
  queries.setQueryData(queryKey, data)
  await queries.invalidateQueries({ queryKey: ['sources', 'rows', file.file_id] })
  void queries.invalidateQueries({ queryKey: ['sources', 'list'] })
  return data
}
