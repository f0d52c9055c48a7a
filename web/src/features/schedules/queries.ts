import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'

export interface Question {
  cron_expression: string
  timezone: string
  job_id?: number
  start_at?: string
  end_at?: string
}

/** When an expression would fire, or what is wrong with each of its fields. */
export const previewQuery = (question: Question) =>
  queryOptions({
    queryKey: ['schedules', 'preview', question],
    queryFn: ({ signal }) => call(client.POST('/api/v1/schedules/preview', { signal, body: { count: 10, ...question } })),
    placeholderData: keepPreviousData,
    // What comes next is another list a minute later.
    staleTime: 20_000,
    refetchInterval: 30_000,
  })
