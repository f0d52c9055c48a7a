import type { TableLayout, TableOptions } from '../api/model'

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

/** How Redshift keeps a table that is there, as far as it tells; of columns, whose compression is told with each, no word. */
export function layoutInWords({ dist_style, dist_key, sort_style, sort_keys = [] }: TableLayout): { name: string; value: string }[] {
  const said = (style: string | undefined, columns: string[]) => [style, columns.length > 0 && `(${columns.join(', ')})`].filter(Boolean).join(' ')
  return [
    { name: 'Distribution', value: said(dist_style, dist_key ? [dist_key] : []) },
    { name: 'Sort order', value: said(sort_style, sort_keys) },
  ].filter((each) => each.value !== '')
}
