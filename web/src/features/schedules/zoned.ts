const pad = (n: number, digits = 2) => String(n).padStart(digits, '0')

/** Whether this browser knows a time zone; "Local" and offsets are none. */
export function knowsZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return /^[A-Za-z]/.test(zone)
  } catch {
    return false
  }
}

// The wall's time of an instant, as if it were UTC, in milliseconds.
function wallOf(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(at)
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((each) => each.type === type)?.value)
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
}

/** An instant as a datetime-local field has it, by a zone's clocks; "" is none. */
export function toWall(at: string | null | undefined, zone: string): string {
  if (!at || !knowsZone(zone)) return ''
  const wall = new Date(wallOf(Date.parse(at), zone))
  return `${pad(wall.getUTCFullYear(), 4)}-${pad(wall.getUTCMonth() + 1)}-${pad(wall.getUTCDate())}T${pad(wall.getUTCHours())}:${pad(wall.getUTCMinutes())}`
}

/**
 * The first instant at which a zone's clocks show what a datetime-local field has; where they skip
 * it, as long after the change as it says. Undefined for "" and what is no time.
 */
export function toInstant(wall: string, zone: string): string | undefined {
  const asUtc = Date.parse(`${wall}Z`)
  if (wall === '' || Number.isNaN(asUtc) || !knowsZone(zone)) return undefined
  const offsets = [-86_400_000, 86_400_000].map((away) => wallOf(asUtc + away, zone) - (asUtc + away))
  const found = offsets.map((offset) => asUtc - offset).filter((at) => wallOf(at, zone) === asUtc)
  const at = found.length > 0 ? Math.min(...found) : asUtc - (offsets[0] ?? 0)
  return new Date(at).toISOString()
}
