/** A 64-bit count as the API gives it: a number, or a string where it may pass 2^53. */
export type Count = number | string | bigint

const whole = new Intl.NumberFormat('en-US')
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

/** Turns a count into a bigint; what is no whole number becomes null. */
export function toBigInt(value: Count | null | undefined): bigint | null {
  if (value === null || value === undefined || value === '') return null
  try {
    return BigInt(value)
  } catch {
    return null
  }
}

/** 1234567 → "1,234,567", exact at any size. A missing one is "–". */
export function formatCount(value: Count | null | undefined): string {
  const n = toBigInt(value)
  return n === null ? '–' : whole.format(n)
}

/** 1234567 → "1.2M", for axes and tight places; the exact count belongs beside it. */
export function formatCompact(value: Count | null | undefined): string {
  const n = toBigInt(value)
  return n === null ? '–' : compact.format(n)
}

/** "1 row", "2 rows", "1,234 rows". */
export function plural(value: Count, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${toBigInt(value) === 1n ? one : many}`
}

/** "schema.table", or the table alone where the search path decides. */
export function tableName({ schema, table }: { schema: string; table: string }): string {
  return schema ? `${schema}.${table}` : table
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes in units of 1024: "1.5 MiB". Negative or missing is unknown: "–". */
export function formatBytes(value: Count | null | undefined): string {
  const n = toBigInt(value)
  if (n === null || n < 0n) return '–'
  let size = Number(n)
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1
  const shown = size.toFixed(digits)
  if (Number(shown) >= 1024 && unit < units.length - 1) return `1.0 ${units[unit + 1] ?? ''}`
  return `${shown} ${units[unit] ?? ''}`
}

/** Milliseconds as "340 ms", "4.2 s", "3 min 12 s", "2 h 5 min", "3 d 4 h". */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return '–'
  if (ms < 999.5) return `${ms.toFixed(0)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([n]) => n > 0)
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ')
}

/** How long something took, or has taken until now, in milliseconds; null before its start. */
export function elapsed(startedAt: string | null | undefined, finishedAt?: string | null, now = Date.now()): number | null {
  if (!startedAt) return null
  const end = finishedAt ? Date.parse(finishedAt) : now
  return Math.max(0, end - Date.parse(startedAt))
}

/** 0.0213 → "2.1 %"; small shares do not become 0. */
export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–'
  const percent = share * 100
  if (percent > 0 && percent < 0.1) return '<0.1 %'
  if (percent < 100 && percent > 99.9) return '>99.9 %'
  return `${percent.toFixed(percent === 0 || percent === 100 || percent >= 10 ? 0 : 1)} %`
}

/** "there is no such zone" → "There is no such zone": what the portal says within a sentence, on its own. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
