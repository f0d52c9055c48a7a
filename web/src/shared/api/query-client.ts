import { QueryClient } from '@tanstack/react-query'
import { Problem } from './problem'

/** The cache of server state. Only what may help by itself is tried again. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 2 && error instanceof Problem && error.retryable,
        retryDelay: (failures) => Math.min(500 * 2 ** failures, 5_000),
      },
      mutations: { retry: false },
    },
  })
}
