import type { TableOptions } from '@/shared/api/model'
import type { Problem } from '@/shared/api/problem'
import { sentence } from '@/shared/lib/format'
import type { DraftColumn } from './draft'
import type { Obstacle } from './wizard'

// How Amazon Redshift keeps a table that is made; nothing chosen is left to it.

const counted = 'AZ64 ZSTD LZO BYTEDICT DELTA RUNLENGTH RAW'
/** The encodings that compress a type of the mapping, the usual one first. */
const encodings: [RegExp, string][] = [
  [/^smallint/, `${counted} MOSTLY8`],
  [/^(integer|int)\b/, `${counted} DELTA32K MOSTLY8 MOSTLY16`],
  [/^(bigint|numeric|decimal)/, `${counted} DELTA32K MOSTLY8 MOSTLY16 MOSTLY32`],
  [/^timestamptz|^timestamp with time/, 'AZ64 ZSTD LZO BYTEDICT RUNLENGTH RAW'],
  [/^(date|timestamp)/, `${counted} DELTA32K`],
  [/^time/, 'AZ64 RAW'],
  [/^(real|double)/, 'ZSTD BYTEDICT RUNLENGTH RAW'],
  [/^bool/, 'ZSTD RUNLENGTH RAW'],
  [/^json/, 'ZSTD LZO RAW'],
  [/^bytea/, 'LZO RAW'],
]

export function encodingsOf(type: string | undefined): string[] {
  return (encodings.find(([form]) => form.test(type ?? ''))?.[1] ?? 'ZSTD LZO BYTEDICT RUNLENGTH TEXT255 TEXT32K RAW').split(' ')
}

/** At most so many columns may order rows. */
export const mostKeys = (style: TableOptions['sort_style']) => (style === 'INTERLEAVED' ? 8 : 400)

/** The choices without those that say nothing; undefined where all is left to Redshift. */
export function chosen(options: TableOptions): TableOptions | undefined {
  const { dist_style, dist_key, sort_style, sort_keys, encodings: words } = options
  const said: TableOptions = {
    ...(dist_style && dist_style !== 'AUTO' && { dist_style }),
    ...(dist_style === 'KEY' && dist_key && { dist_key }),
    ...(sort_style && sort_style !== 'AUTO' && { sort_style, sort_keys: sort_keys ?? [] }),
    ...(words && Object.keys(words).length > 0 && { encodings: words }),
  }
  return Object.keys(said).length > 0 ? said : undefined
}

/** A job's options as they are chosen: a key alone means its style. */
export function optionsOf(options: TableOptions | undefined): TableOptions {
  if (!options) return {}
  return { ...options, ...(options.dist_key && { dist_style: 'KEY' }), ...(options.sort_keys?.length && !options.sort_style && { sort_style: 'COMPOUND' }) }
}

/** What is missing or names a column that is not mapped. */
export function layoutObstacles(options: TableOptions, columns: DraftColumn[]): Obstacle[] {
  const found: Obstacle[] = []
  const names = new Set(columns.map((each) => each.destination.trim()))
  const known = (name: string, column: string, what: string) => {
    if (names.size > 0 && !names.has(column)) found.push({ name, message: `${what} “${column}” is not among the new table’s columns` })
  }
  if (options.dist_style === 'KEY') {
    if (options.dist_key) known('dist-key', options.dist_key, 'The distribution column')
    else found.push({ name: 'dist-key', message: 'Choose the column by which rows are distributed' })
  }
  if (options.sort_style === 'COMPOUND' || options.sort_style === 'INTERLEAVED') {
    const keys = options.sort_keys ?? []
    if (keys.length === 0) found.push({ name: 'sort-add', message: 'Choose the columns by which rows are sorted' })
    if (keys.length > mostKeys(options.sort_style)) found.push({ name: 'sort-add', message: `At most ${mostKeys(options.sort_style)} columns sort rows` })
    for (const key of keys) known('sort-add', key, 'The sort column')
  }
  for (const column of Object.keys(options.encodings ?? {})) known('encode-add', column, 'The encoded column')
  return found
}

/** What the portal refuses of the options, by the card's fields. */
export function layoutRefusals(problem: Problem): Obstacle[] {
  return problem.errors.flatMap(({ location, message }) => {
    const field = /^body\.table_options\.(\w+)(?:\.(.+))?/.exec(location)
    if (!field) return []
    const name = { dist_style: 'dist-style', dist_key: 'dist-key', sort_style: 'sort-style', sort_keys: 'sort-add', encodings: 'encode-add' }[field[1] ?? ''] ?? 'dist-style'
    return [{ name, message: sentence(message) }]
  })
}
