import { call, client, fetchRaw } from '@/shared/api/client'
import { isLive, type LogEntry, type Run } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import type { Liveness } from '@/shared/components'
import { readEvents } from './events'
import { logsAfter } from './queries'

/** What a follower of a run is told. */
export interface Follower {
  onRun: (run: Run) => void
  onLog: (entries: LogEntry[]) => void
  onState: (state: Liveness) => void
}

/** The times of a follower in milliseconds; tests shorten them. */
export const pace = {
  /** Between two questions where streams do not pass. */
  poll: 2_500,
  /** Before a stream is opened again. */
  reconnect: 1_500,
  /** A stream from which nothing comes for so long is held back by something on its way. */
  hello: 6_000,
  /** The portal sends a sign of life every 15 s. */
  silence: 40_000,
  /** A stream that ends sooner, and not because the run did, was cut. */
  tooShort: 1_000,
  /** How long it is polled before a stream is tried again. */
  tryAgain: 30_000,
}

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })

/**
 * Follows a run to its end: by its event stream, which is opened again from where it was where it
 * breaks; by asking every few seconds where streams do not pass. `seen` is the id of the last line
 * of its log that is known. It ends when the run does or the signal is given, and throws a Problem
 * where the run is gone or may not be seen.
 */
export async function followRun(id: number, seen: number, follower: Follower, signal: AbortSignal): Promise<void> {
  // As the portal writes its event ids: the run's change, then the log's entry.
  let position = `-1.${seen}`
  let log = seen
  let cut = 0
  const stopped = () => signal.aborted
  const stream = async (): Promise<'over' | 'broken' | 'cut'> => {
    const controller = new AbortController()
    const giveUp = () => controller.abort()
    signal.addEventListener('abort', giveUp, { once: true })
    const opened = Date.now()
    let watch = setTimeout(giveUp, pace.hello)
    let heard = false as boolean
    try {
      const response = await fetchRaw(`/api/v1/job-runs/${id}/stream`, { signal: controller.signal, headers: { Accept: 'text/event-stream', 'Last-Event-ID': position }, cache: 'no-store' })
      if (!response.body || !response.headers.get('Content-Type')?.startsWith('text/event-stream')) return 'cut'
      const alive = () => {
        clearTimeout(watch)
        watch = setTimeout(giveUp, pace.silence)
        if (!heard) follower.onState('live')
        heard = true
      }
      for await (const { event, id: at, data } of readEvents(response.body, alive)) {
        if (at) position = at
        if (event === 'log') {
          const entry = JSON.parse(data) as LogEntry
          log = Math.max(log, entry.id)
          follower.onLog([entry])
        } else if (event === 'progress' || event === 'done') follower.onRun(JSON.parse(data) as Run)
        if (event === 'done') return 'over'
      }
    } catch (error) {
      if (error instanceof Problem && [401, 403, 404].includes(error.status)) throw error
    } finally {
      clearTimeout(watch)
      signal.removeEventListener('abort', giveUp)
    }
    return heard && Date.now() - opened >= pace.tooShort ? 'broken' : 'cut'
  }
  /** Asks once; the answer is whether the run is over, or undefined where no answer came. */
  const ask = async (): Promise<boolean | undefined> => {
    try {
      const run = await call(client.GET('/api/v1/job-runs/{id}', { signal, params: { path: { id } } }))
      const entries = await logsAfter(id, log, signal)
      log = entries.at(-1)?.id ?? log
      // Lines that were asked for need not come by the stream once more.
      position = `${position.split('.')[0] ?? '-1'}.${log}`
      if (entries.length > 0) follower.onLog(entries)
      follower.onRun(run)
      return !isLive(run)
    } catch (error) {
      if (error instanceof Problem && [401, 403, 404].includes(error.status)) throw error
      return undefined
    }
  }
  while (!stopped()) {
    const outcome = await stream()
    if (stopped()) return
    if (outcome === 'over') break
    cut = outcome === 'cut' ? cut + 1 : 0
    const over = await ask()
    if (over) break
    if (over === undefined || cut < 2) {
      if (over === undefined) cut = 0
      follower.onState('reconnecting')
      await wait(pace.reconnect, signal)
      continue
    }
    const until = Date.now() + pace.tryAgain
    follower.onState('polling')
    let answered: boolean | undefined = false
    while (!stopped() && answered === false && Date.now() < until) {
      await wait(pace.poll, signal)
      if (!stopped()) answered = await ask()
    }
    if (answered) break
    if (answered === undefined) cut = 0
  }
  if (!stopped()) follower.onState('ended')
}
