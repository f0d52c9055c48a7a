import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ErrorPanel } from './error-panel'
import { SkeletonLines } from './skeleton'

/** A query's three faces: its skeleton, its failure with a retry, its data. Old data stays while a refresh fails. */
export function QueryView<T>({ query, skeleton, children }: { query: Pick<UseQueryResult<T>, 'data' | 'error' | 'refetch' | 'isFetching'>; skeleton?: ReactNode; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error && <ErrorPanel error={query.error} className="mb-4" onRetry={() => void query.refetch()} retrying={query.isFetching} />}
        {children(query.data)}
      </>
    )
  }
  if (query.error) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
  return <>{skeleton ?? <SkeletonLines />}</>
}
