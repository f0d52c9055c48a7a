import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { isAbort } from '@/shared/api/client'
import { isLive, type LogEntry, type Run } from '@/shared/api/model'
import { runQuery } from '@/shared/api/queries'
import type { Liveness } from '@/shared/components'
import { followRun } from './follow'
import { appendLog, logQuery, type Level, type Log } from './queries'

// Lines come by the thousand; the page is drawn anew for some at a time.
const batch = 150

/** A run that is followed while it is live, and the end of its log. */
export function useLiveRun(id: number, level: Level = 'debug'): { run: UseQueryResult<Run>; log: UseQueryResult<Log>; liveness: Liveness } {
  const queries = useQueryClient()
  const run = useQuery(runQuery(id))
  const log = useQuery(logQuery(id, level))
  const [liveness, setLiveness] = useState<Liveness>('reconnecting')
  const live = run.data !== undefined && isLive(run.data)
  const attempt = run.data?.attempt
  const ready = log.data !== undefined
  useEffect(() => {
    if (!live || !ready) return
    const stop = new AbortController()
    let waiting: LogEntry[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    const flush = () => {
      clearTimeout(timer)
      timer = undefined
      if (waiting.length > 0) appendLog(queries, id, waiting)
      waiting = []
    }
    const seen = queries.getQueryData<Log>(logQuery(id, level).queryKey)?.entries.at(-1)?.id ?? 0
    const key = runQuery(id).queryKey
    void followRun(
      id,
      seen,
      {
        onRun: (next) => {
          if (!isLive(next)) flush()
          void queries.cancelQueries({ queryKey: key })
          queries.setQueryData<Run>(key, (before) => (before && before.seq > next.seq ? before : next))
        },
        onLog: (entries) => {
          waiting.push(...entries)
          timer ??= setTimeout(flush, batch)
        },
        onState: setLiveness,
      },
      stop.signal,
    ).then(
      () => {
        if (stop.signal.aborted) return
        flush()
        void queries.invalidateQueries({ queryKey: ['runs'], predicate: ({ queryKey }) => queryKey[1] !== 'log' })
        void queries.invalidateQueries({ queryKey: ['jobs'] })
      },
      (error: unknown) => {
        // Gone, or not to be seen any more: the query itself shows why.
        if (!isAbort(error)) void queries.invalidateQueries({ queryKey: key })
      },
    )
    return () => {
      stop.abort()
      flush()
    }
  }, [id, level, live, attempt, ready, queries])
  return { run, log, liveness: live ? liveness : 'ended' }
}
