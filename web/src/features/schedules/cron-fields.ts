/** A field of an expression, with the words and bounds that people choose from. */
export interface CronField {
  name: 'minute' | 'hour' | 'day_of_month' | 'month' | 'day_of_week'
  label: string
  /** "every minute", "every 5 minutes". */
  unit: string
  first: number
  last: number
  /** What each value is called, from the first on; without them, by its number. */
  names?: string[]
  /** How the expression writes each value; without them, by its number. */
  codes?: string[]
}

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const code = (name: string) => name.slice(0, 3).toUpperCase()

export const cronFields: CronField[] = [
  { name: 'minute', label: 'Minute', unit: 'minute', first: 0, last: 59 },
  { name: 'hour', label: 'Hour', unit: 'hour', first: 0, last: 23 },
  { name: 'day_of_month', label: 'Day', unit: 'day', first: 1, last: 31 },
  { name: 'month', label: 'Month', unit: 'month', first: 1, last: 12, names: months, codes: months.map(code) },
  { name: 'day_of_week', label: 'Weekday', unit: 'weekday', first: 0, last: 6, names: weekdays, codes: weekdays.map(code) },
]

export const presets = [
  { expression: '* * * * *', label: 'Every minute' },
  { expression: '*/5 * * * *', label: 'Every 5 minutes' },
  { expression: '0 * * * *', label: 'Every hour' },
  { expression: '0 0 * * *', label: 'Every day at midnight' },
  { expression: '0 9 * * 1', label: 'Mondays at 9:00' },
] as const

const macros: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

/** The five fields of an expression as they are written; null where there are not five. */
export function partsOf(expression: string): string[] | null {
  const text = expression.trim()
  const parts = (macros[text.toLowerCase()] ?? text).split(/\s+/)
  return parts.length === cronFields.length ? parts : null
}

/** The preset that an expression is, by its meaning; null where it is none. */
export function presetOf(expression: string): string | null {
  const written = partsOf(expression)?.join(' ').toUpperCase().replace(/ MON$/, ' 1')
  return presets.find((each) => each.expression === written)?.expression ?? null
}

/** What the builder can say of a field; text is whatever else cron can. */
export type Choice = { mode: 'every' } | { mode: 'step'; step: number } | { mode: 'range'; from: number; to: number } | { mode: 'list'; values: number[] } | { mode: 'text' }

function valueOf(field: CronField, text: string): number | null {
  const named = field.codes?.indexOf(text.toUpperCase()) ?? -1
  if (named >= 0) return field.first + named
  if (!/^\d{1,2}$/.test(text)) return null
  // Sunday is 7 as well.
  const n = field.name === 'day_of_week' && text === '7' ? 0 : Number(text)
  return n >= field.first && n <= field.last ? n : null
}

/** What a field's text says. */
export function readField(field: CronField, text: string): Choice {
  if (text === '*') return { mode: 'every' }
  const step = /^\*\/(\d{1,2})$/.exec(text)?.[1]
  if (step !== undefined && Number(step) >= 1 && Number(step) <= field.last) return { mode: 'step', step: Number(step) }
  const [from, to, more] = text.split('-')
  if (from !== undefined && to !== undefined && more === undefined) {
    const [a, b] = [valueOf(field, from), valueOf(field, to)]
    if (a !== null && b !== null && a <= b) return { mode: 'range', from: a, to: b }
    return { mode: 'text' }
  }
  const values = text.split(',').map((each) => valueOf(field, each))
  if (values.every((each) => each !== null)) return { mode: 'list', values: [...new Set(values)].sort((a, b) => a - b) }
  return { mode: 'text' }
}

/** How the expression writes a value. */
export function written(field: CronField, value: number): string {
  return field.codes?.[value - field.first] ?? String(value)
}

/** What people call a value. */
export function named(field: CronField, value: number): string {
  return field.names?.[value - field.first] ?? (field.name === 'hour' ? String(value).padStart(2, '0') : String(value))
}

/** A choice as the expression writes it; an empty list is every value, and text is kept by the caller. */
export function writeField(field: CronField, choice: Exclude<Choice, { mode: 'text' }>): string {
  switch (choice.mode) {
    case 'every':
      return '*'
    case 'step':
      return `*/${choice.step}`
    case 'range':
      return `${written(field, choice.from)}-${written(field, choice.to)}`
    case 'list':
      return choice.values.length === 0 ? '*' : [...choice.values].sort((a, b) => a - b).map((each) => written(field, each)).join(',')
  }
}
