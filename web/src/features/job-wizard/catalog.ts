/** An argument of a transformation. */
export interface Parameter {
  name: string
  kind: 'text' | 'number'
  optional?: boolean
  example: string
}

/** A step on a field's text, as docs/mapping.md has it. */
export interface Transformation {
  fn: string
  what: string
  parameters: Parameter[]
  /** The last parameter may be given again. */
  many?: boolean
}

const text = (name: string, example: string, optional = false): Parameter => ({ name, kind: 'text', example, optional })
const number = (name: string, example: string, optional = false): Parameter => ({ name, kind: 'number', example, optional })

export const transformations: Transformation[] = [
  { fn: 'TRIM', what: 'cut blanks at both ends', parameters: [text('characters', 'blanks', true)] },
  { fn: 'LTRIM', what: 'cut blanks at the start', parameters: [text('characters', 'blanks', true)] },
  { fn: 'RTRIM', what: 'cut blanks at the end', parameters: [text('characters', 'blanks', true)] },
  { fn: 'UPPER', what: 'upper case', parameters: [] },
  { fn: 'LOWER', what: 'lower case', parameters: [] },
  { fn: 'TITLE', what: 'First Letters Upper Case', parameters: [] },
  { fn: 'REPLACE', what: 'replace a text', parameters: [text('from', '€'), text('to', 'EUR')] },
  { fn: 'REGEX_REPLACE', what: 'replace a pattern', parameters: [text('pattern', '[^0-9]'), text('replacement', '$1')] },
  { fn: 'REGEX_EXTRACT', what: 'the first match of a pattern', parameters: [text('pattern', '\\d+'), number('group', '1', true)] },
  { fn: 'SUBSTRING', what: 'a part by position', parameters: [number('start', '1'), number('length', '3', true)] },
  { fn: 'LEFT', what: 'the first characters', parameters: [number('n', '3')] },
  { fn: 'RIGHT', what: 'the last characters', parameters: [number('n', '3')] },
  { fn: 'SPLIT_PART', what: 'a part between delimiters', parameters: [text('delimiter', '/'), number('n', '1')] },
  { fn: 'LPAD', what: 'fill up at the start', parameters: [number('length', '5'), text('fill', '0', true)] },
  { fn: 'RPAD', what: 'fill up at the end', parameters: [number('length', '5'), text('fill', ' ', true)] },
  { fn: 'CONCAT', what: 'join a text to it', parameters: [text('value', ' EUR')], many: true },
  { fn: 'NULLIF', what: 'NULL where it equals', parameters: [text('other', '-')] },
  { fn: 'COALESCE', what: 'a text instead of NULL', parameters: [text('value', 'unknown')], many: true },
  { fn: 'ROUND', what: 'round a number', parameters: [number('places', '2', true)] },
  { fn: 'ABS', what: 'without its sign', parameters: [] },
  { fn: 'PARSE_DATE', what: 'text to date', parameters: [text('format', 'DD.MM.YYYY')] },
  { fn: 'FORMAT_DATE', what: 'date to text', parameters: [text('format', 'YYYY-MM')] },
  { fn: 'HASH', what: 'SHA-256; with a key HMAC', parameters: [text('key', 'none', true)] },
]

/** A function of the expression language. */
export interface FunctionEntry {
  name: string
  signature: string
  what: string
}

/** The functions that expressions know, as docs/mapping.md has them. */
export const functions: FunctionEntry[] = [
  ['trim', 'text[, characters]', 'cut blanks'],
  ['ltrim', 'text[, characters]', 'cut blanks at the start'],
  ['rtrim', 'text[, characters]', 'cut blanks at the end'],
  ['upper', 'text', 'upper case'],
  ['lower', 'text', 'lower case'],
  ['title', 'text', 'title case'],
  ['replace', 'text, from, to', 'replace a text'],
  ['substring', 'text, start[, length]', 'a part by position'],
  ['left', 'text, n', 'first characters'],
  ['right', 'text, n', 'last characters'],
  ['lpad', 'text, length[, fill]', 'fill up at the start'],
  ['rpad', 'text, length[, fill]', 'fill up at the end'],
  ['split_part', 'text, delimiter, n', 'a part between delimiters'],
  ['concat', 'value, …', 'join; NULL is empty'],
  ['concat_ws', 'separator, value, …', 'join with a separator'],
  ['repeat', 'text, n', 'n times'],
  ['length', 'text', 'how many characters'],
  ['position', 'text, part', 'where a part begins'],
  ['contains', 'text, part', 'has the part'],
  ['starts_with', 'text, part', 'begins with'],
  ['ends_with', 'text, part', 'ends with'],
  ['regex_replace', 'text, pattern, replacement', 'replace a pattern'],
  ['regex_extract', 'text, pattern[, group]', 'first match of a pattern'],
  ['regex_match', 'text, pattern', 'matches a pattern'],
  ['hash', 'text[, key]', 'SHA-256'],
  ['text', 'value', 'as text'],
  ['round', 'number[, places]', 'half away from zero'],
  ['trunc', 'number[, places]', 'towards zero'],
  ['floor', 'number', 'down'],
  ['ceil', 'number', 'up'],
  ['abs', 'number', 'without sign'],
  ['sign', 'number', '-1, 0 or 1'],
  ['mod', 'number, divisor', 'remainder'],
  ['int', 'value', 'whole number'],
  ['number', 'text[, format]', 'text to number'],
  ['greatest', 'value, …', 'the greatest'],
  ['least', 'value, …', 'the least'],
  ['if', 'condition, then, else', 'one of two'],
  ['coalesce', 'value, …', 'first that is not NULL'],
  ['nullif', 'value, other', 'NULL where equal'],
  ['boolean', 'text[, format]', 'text to boolean'],
  ['date', 'text[, format]', 'text to date'],
  ['timestamp', 'text[, format]', 'text to timestamp'],
  ['timestamptz', 'text[, format]', 'text to timestamp with zone'],
  ['time', 'text', 'text to time of day'],
  ['parse_date', 'text, format', 'text to date by format'],
  ['format_date', 'date, format', 'date to text'],
  ['year', 'date', 'year'],
  ['quarter', 'date', '1 to 4'],
  ['month', 'date', '1 to 12'],
  ['week', 'date', 'ISO week'],
  ['day', 'date', 'day of month'],
  ['weekday', 'date', '1 (Monday) to 7'],
  ['hour', 'time', 'hour'],
  ['minute', 'time', 'minute'],
  ['second', 'time', 'second'],
  ['extract', "'part', date", 'a part, as doy or epoch'],
  ['date_trunc', "'part', date", 'start of month, year, …'],
  ['date_add', "'part', n, date", 'add months, days, …'],
  ['date_diff', "'part', a, b", 'boundaries between'],
  ['today', '', "the load's day"],
  ['now', '', "the load's time"],
].map(([name = '', parameters = '', what = '']) => ({ name, signature: `${name}(${parameters})`, what }))

/** Types that a column may be given, beside what its values suggest. */
export const types = ['text', 'boolean', 'smallint', 'integer', 'bigint', 'numeric', 'double precision', 'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'jsonb']

/** Ways in which values of a type are commonly written. */
export function formatsOf(type: string): string[] {
  if (/^(date)/.test(type)) return ['DD.MM.YYYY', 'DD/MM/YYYY', 'MM/DD/YYYY', 'YYYYMMDD', 'DD Mon YYYY']
  if (/^timestamp/.test(type)) return ['DD.MM.YYYY HH:MI', 'DD/MM/YYYY HH:MI:SS', 'MM/DD/YYYY HH:MI', 'epoch', 'epoch_ms']
  if (/^(numeric|decimal|real|double)/.test(type)) return ['1.234,56', '1,234.56', '1 234,56', "1'234.56", '1234,56', '$1,234.56', '1.234,56 €', '12,5 %']
  if (/^(smallint|integer|bigint)/.test(type)) return ['1.234', '1,234', '1 234']
  if (type === 'boolean') return ['ja/nein', 'oui/non', 'Y/N', 'X/-']
  return []
}

/** How a column is named in an expression. */
export function reference(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !reserved.has(name.toLowerCase()) ? name : `col("${name.replace(/["\\]/g, '\\$&')}")`
}

const reserved = new Set(['and', 'or', 'not', 'in', 'between', 'is', 'null', 'true', 'false', 'contains', 'startswith', 'endswith', 'matches', 'like', 'ilike', 'value', 'col', 'extract', 'from'])
