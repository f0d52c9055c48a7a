import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call, client } from '../api/client'
import type { Schedule } from '../api/model'
import { scheduleQuery } from '../api/queries'

/** Switches schedules on and off. What is shown while it is under way: `pending.variables`. */
export function useScheduleSwitch(onDone?: (schedule: Schedule) => void) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ schedule, on }: { schedule: Schedule; on: boolean }) => {
      const params = { path: { id: schedule.id }, header: { 'If-Match': `"${schedule.version}"` } }
      return call(on ? client.POST('/api/v1/schedules/{id}/enable', { params }) : client.POST('/api/v1/schedules/{id}/disable', { params }))
    },
    onSuccess: async (after) => {
      onDone?.(after)
      queries.setQueryData(scheduleQuery(after.id).queryKey, after)
      await Promise.all([queries.invalidateQueries({ queryKey: ['schedules'] }), queries.invalidateQueries({ queryKey: ['runs', 'summary'] })])
    },
    // Somebody else may have changed it: what is there now is to be seen.
    onError: () => queries.invalidateQueries({ queryKey: ['schedules'] }),
  })
}
