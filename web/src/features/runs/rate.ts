import { useState } from 'react'
import type { Run } from '@/shared/api/model'
import { elapsed, toBigInt } from '@/shared/lib/format'
import { useNow } from '@/shared/lib/use-now'

/** What was known of a run at a moment. */
export interface Sample {
  at: number
  rows: number
  bytes: number
}

const window = 20_000

/** The samples of the last 20 s, with this one; one that says less, as after a retry, starts anew. */
export function addSample(samples: Sample[], next: Sample): Sample[] {
  const last = samples.at(-1)
  if (last && (next.rows < last.rows || next.bytes < last.bytes)) return [next]
  if (last && next.rows === last.rows && next.bytes === last.bytes) return samples
  const kept = samples.filter((sample, i) => sample.at >= next.at - window || i === samples.length - 1)
  return [...kept, next]
}

/** How fast a run is now, from what was seen lately, else from its start; null where nothing says. */
export function speedOf(samples: Sample[], startedAt: number | null, now: number): { rows: number; bytes: number } | null {
  const first = samples[0]
  const last = samples.at(-1)
  if (!first || !last) return null
  const from = last.at - first.at >= 1_000 ? first : startedAt === null ? null : { at: startedAt, rows: 0, bytes: 0 }
  if (!from) return null
  const seconds = (Math.max(now, last.at) - from.at) / 1000
  if (seconds < 0.2 || last.rows - from.rows + last.bytes - from.bytes <= 0) return null
  return { rows: (last.rows - from.rows) / seconds, bytes: (last.bytes - from.bytes) / seconds }
}

const asNumber = (value: number | string | undefined) => Number(toBigInt(value ?? 0) ?? 0n)

/** Rows a second and the milliseconds that are left, each null where nobody knows; of a run that is over its average. */
export function useSpeed(run: Run, live: boolean): { rowsPerSecond: number | null; remaining: number | null } {
  const now = useNow(live)
  const rows = asNumber(run.rows_read)
  const bytes = asNumber(run.bytes_read)
  const [samples, setSamples] = useState<Sample[]>([])
  const last = samples.at(-1)
  if (!last || last.rows !== rows || last.bytes !== bytes) setSamples(addSample(samples, { at: now, rows, bytes }))
  if (!live) {
    const took = elapsed(run.started_at, run.finished_at)
    return { rowsPerSecond: run.status === 'COMPLETED' && took && rows > 0 ? rows / (took / 1000) : null, remaining: null }
  }
  const speed = speedOf(samples, run.started_at ? Date.parse(run.started_at) : null, now)
  const left = asNumber(run.bytes_total) - bytes
  return { rowsPerSecond: speed?.rows ?? null, remaining: speed && speed.bytes > 0 && left > 0 && run.phase === 'load' ? (left / speed.bytes) * 1000 : null }
}
