import { Binary, Braces, Calendar, CalendarClock, Clock, Fingerprint, Hash, Timer, ToggleLeft, Type, type LucideIcon } from 'lucide-react'
import type { Column } from '@/shared/api/model'

/** What a type is, for its sign and its side. */
export function lookOfType(type: string): { icon: LucideIcon; right: boolean } {
  if (/^(smallint|integer|bigint|numeric|decimal|real|double)/.test(type)) return { icon: Hash, right: true }
  if (type === 'date') return { icon: Calendar, right: false }
  if (type.startsWith('timestamp')) return { icon: CalendarClock, right: false }
  if (type.startsWith('time')) return { icon: Clock, right: false }
  if (type === 'interval') return { icon: Timer, right: false }
  if (type === 'boolean') return { icon: ToggleLeft, right: false }
  if (type === 'uuid') return { icon: Fingerprint, right: false }
  if (type.startsWith('json')) return { icon: Braces, right: false }
  if (type === 'bytea') return { icon: Binary, right: false }
  return { icon: Type, right: false }
}

const narrowest = 112
const widest = 300
const letter = 7.3

/** How wide a column is shown, in pixels: its longest values or its name, within bounds. */
export function widthOf({ name, type, statistics }: Column): number {
  const values = Math.min(statistics.max_length, statistics.mean_length * 1.6 + 4) * letter + 28
  const head = Math.max(name.length * 7.4, type.length * 6.4 + 46) + 28
  return Math.round(Math.min(widest, Math.max(narrowest, values, head)))
}

/** A share of a column's rows, from 0 to 1. */
export function shareOf(count: number, { rows }: { rows: number }): number {
  return rows > 0 ? count / rows : 0
}
