import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { call, client } from '@/shared/api/client'

/** Starts a run, on another file if one is given, and opens its page. */
export function useRunNow() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ job, file }: { job: number; file?: string }) =>
      call(client.POST('/api/v1/jobs/execute/{id}', { params: { path: { id: job }, header: { 'Idempotency-Key': crypto.randomUUID() } }, ...(file ? { body: { file_id: file } } : {}) })),
    onSuccess: async ({ job_run_id }) => {
      await Promise.all([queries.invalidateQueries({ queryKey: ['jobs'] }), queries.invalidateQueries({ queryKey: ['runs'] })])
      await navigate(`/runs/${job_run_id}`)
    },
  })
}
