import type { TableOptions } from '../api/model'

/** A new table's options as Redshift's DDL writes them, by what they are of; empty where all is left to Redshift. */
export function optionsInWords(options: TableOptions | undefined): { name: string; value: string }[] {
  if (!options) return []
  const { dist_style, dist_key, sort_style, sort_keys = [], encodings = {} } = options
  const words = Object.entries(encodings)
  return [
    ...(dist_key ? [{ name: 'Distribution', value: `KEY (${dist_key})` }] : dist_style ? [{ name: 'Distribution', value: dist_style }] : []),
    ...(sort_keys.length > 0 ? [{ name: 'Sort order', value: `${sort_style ?? 'COMPOUND'} (${sort_keys.join(', ')})` }] : []),
    ...(words.length > 0 ? [{ name: 'Compression', value: words.map(([column, word]) => `${column} ${word}`).join(', ') }] : []),
  ]
}
