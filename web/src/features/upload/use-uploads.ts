import { queryOptions, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { call, client } from '@/shared/api/client'
import { toProblem } from '@/shared/api/problem'
import { sourceQuery } from '@/shared/api/queries'
import { forget, recordsOf, same, type UploadRecord } from './records'
import { arrivedParts } from './transport'
import { Uploader, type FindTwin, type Upload } from './uploader'

// One for the whole page: uploads go on while other screens are shown.
let shared: Uploader | undefined

/** The uploader of this page. */
export function uploader(): Uploader {
  shared ??= new Uploader()
  return shared
}

/** The files on their way, newest first. Lists of files are asked for anew when one has arrived. */
export function useUploads(): readonly Upload[] {
  const uploads = useSyncExternalStore(uploader().subscribe, uploader().snapshot)
  const queries = useQueryClient()
  const done = uploads.filter(({ state }) => state === 'done').length
  useEffect(() => {
    if (done > 0) void queries.invalidateQueries({ queryKey: ['sources'] })
  }, [done, queries])
  return uploads
}

/** An upload of an earlier visit that has not ended. */
export interface Unfinished extends UploadRecord {
  /** Bytes that have arrived. */
  arrived: number
}

const unfinishedQuery = queryOptions({
  queryKey: ['uploads', 'unfinished'],
  staleTime: 0,
  queryFn: async ({ signal }): Promise<Unfinished[]> => {
    const found = await Promise.all(
      recordsOf('uploads.begun').map(async (record) => {
        try {
          return { ...record, arrived: (await arrivedParts(record.fileId, record.size, signal)).bytes }
        } catch (error) {
          const problem = toProblem(error)
          if (problem.status === 404 || problem.code === 'upload_complete') forget('uploads.begun', record.fileId)
          else if (problem.status !== 400) throw error
          return null
        }
      }),
    )
    return found.filter((each) => each !== null)
  },
})

/** Uploads that were left in the middle, but for those under way in this page. */
export function useUnfinished(uploads: readonly Upload[]) {
  const query = useQuery(unfinishedQuery)
  const begun = recordsOf('uploads.begun') // one that was cancelled here is gone from it before it is asked for again
  const unfinished = (query.data ?? []).filter((each) => begun.some(({ fileId }) => fileId === each.fileId) && !uploads.some((upload) => upload.fileId === each.fileId || same(upload, each)))
  return { query, unfinished }
}

/** Looks for a file like it among those that this browser has sent, then among the portal's newest. */
export function twinFinder(queries: QueryClient): FindTwin {
  return async (file) => {
    const own = recordsOf('uploads.finished').find((each) => same(each, file))
    if (own) {
      try {
        const { created_at } = await queries.query(sourceQuery(own.fileId))
        return { fileId: own.fileId, exact: true, at: created_at }
      } catch (error) {
        if (toProblem(error).status !== 404) throw error
        forget('uploads.finished', own.fileId)
      }
    }
    const { items } = await call(client.GET('/api/v1/sources/csv', { params: { query: { limit: 200 } } }))
    const like = items.find((each) => each.filename === file.name && each.size === file.size && each.state !== 'uploading' && each.state !== 'failed')
    return like ? { fileId: like.file_id, exact: false, at: like.created_at } : null
  }
}
