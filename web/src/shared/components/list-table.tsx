import { DataTable } from './data-table'
import { ErrorPanel } from './error-panel'
import type { ComponentProps } from 'react'

interface Listing {
  data: unknown
  error: Error | null
  isPending: boolean
  isFetching: boolean
  refetch: () => unknown
}

/** The rows of a list's query: as long as there are none its failure stands in their place, later above them. */
export function ListTable<T extends object>({ query, ...table }: { query: Listing } & Omit<ComponentProps<typeof DataTable<T>>, 'loading'>) {
  return (
    <>
      {query.error && <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} className="m-4" />}
      {(query.data !== undefined || !query.error) && <DataTable {...table} loading={query.isPending} />}
    </>
  )
}
