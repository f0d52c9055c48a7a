import { useQueries, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { rowsQuery, type BadRow, type RowPage } from './queries'

/** A row of a file, once it is there. */
export interface FileRow {
  cells: (string | null)[]
  /** The physical line at which it starts. */
  line: number
  bad?: BadRow
}

/** Rows per request: fewer of a wide file, so that an answer stays small. */
export function pageSizeOf(columns: number): number {
  return columns > 400 ? 40 : columns > 100 ? 100 : 200
}

/** Asks for the pages of rows `from` to `to`, and gives any row that is in the cache. */
export function useRows(fileId: string, columns: number, from: number, to: number) {
  const queries = useQueryClient()
  const size = pageSizeOf(columns)
  const pages: number[] = []
  for (let page = Math.floor(from / size); page * size < to; page++) pages.push(page)
  const asked = useQueries({ queries: pages.map((page) => rowsQuery(fileId, page * size, size)) })
  const rowAt = useCallback(
    (row: number): FileRow | undefined => {
      const first = Math.floor(row / size) * size
      const page = queries.getQueryData<RowPage>(rowsQuery(fileId, first, size).queryKey)
      const cells = page?.rows[row - first]
      return page && cells ? { cells, line: page.lines[row - first] ?? 0, bad: page.bad.get(row - first) } : undefined
    },
    [queries, fileId, size],
  )
  const failed = asked.find((query) => query.error && query.data === undefined)
  return { rowAt, loading: asked.some((query) => query.isFetching), failed }
}
