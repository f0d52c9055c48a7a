import { ArrowDown, ArrowUp, X } from 'lucide-react'
import { useState } from 'react'
import { flushSync } from 'react-dom'
import type { TableOptions } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button, Field, Select } from '@/shared/components'
import { optionsInWords } from '@/shared/lib/table-options'
import { chosen, encodingsOf, layoutRefusals, mostKeys } from './layout'
import { LongSelect } from './long-select'
import type { Wizard } from './wizard'

const distributions = [
  { value: 'AUTO', title: 'AUTO: Redshift chooses', what: 'By the size of the table and its use; right for most tables.' },
  { value: 'KEY', title: 'KEY: by a column', what: 'Rows with the same value are together: for large tables that are joined by this column, if its values are many and even.' },
  { value: 'EVEN', title: 'EVEN: in turn', what: 'Rows are spread evenly whatever they hold: for tables that are not joined.' },
  { value: 'ALL', title: 'ALL: on every node', what: 'Each node has the whole table: for small ones that much is joined with. Loads take longer.' },
] as const
const orders = [
  { value: 'AUTO', title: 'AUTO: Redshift chooses', what: 'By the queries that it sees.' },
  { value: 'COMPOUND', title: 'COMPOUND: by columns, the first counts most', what: 'For filters on the first of the columns, such as a date.' },
  { value: 'INTERLEAVED', title: 'INTERLEAVED: by columns of equal weight', what: 'For filters on any of up to eight columns; needs VACUUM REINDEX, and no dates or numbers that only grow.' },
] as const

/** Distribution, sort order and compression of a table that is made in Redshift. */
export function TableLayout({ wizard, errorOf }: { wizard: Wizard; errorOf: (name: string) => string | undefined }) {
  const { draft, update, columns, ddlState } = wizard
  const options = draft.tableOptions
  const change = (to: Partial<TableOptions>) => update({ tableOptions: { ...options, ...to } })
  const names = [...new Set(columns.map((each) => each.destination.trim()).filter(Boolean))]
  const refused = ddlState.error instanceof Problem ? layoutRefusals(ddlState.error) : []
  const error = (name: string) => errorOf(name) ?? refused.find((each) => each.name === name)?.message
  const wrong = ['dist-style', 'dist-key', 'sort-style', 'sort-add', 'encode-add'].some((name) => error(name))
  const said = optionsInWords(chosen(options))
  const [open, setOpen] = useState(said.length > 0)
  const style = options.dist_style ?? 'AUTO'
  const order = options.sort_style ?? 'AUTO'
  return (
    <details className="rounded-lg border border-line bg-surface shadow-card" open={open || wrong} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer px-4 py-2.5 text-sm font-semibold">
        Distribution, sort order, compression
        <span className="block text-xs font-normal text-muted">{said.length > 0 ? said.map((each) => each.value).join(' · ') : 'Left to Redshift, which chooses by use.'}</span>
      </summary>
      {(open || wrong) && <div className="space-y-5 border-t border-line p-4">
        <div className="space-y-3">
          <Field label="Distribution" name="dist-style" error={error('dist-style')} hint={distributions.find(({ value }) => value === style)?.what}>
            {(props) => (
              <Select {...props} value={style} onChange={(event) => change({ dist_style: event.target.value as TableOptions['dist_style'] })}>
                {distributions.map((each) => (
                  <option key={each.value} value={each.value}>
                    {each.title}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {style === 'KEY' && (
            <Field label="Distribution column" name="dist-key" required error={error('dist-key')}>
              {(props) => (
                <LongSelect {...props} className="font-mono text-xs" none="Choose a column" choices={choicesOf(withOwn(names, options.dist_key))} value={options.dist_key ?? ''} onChoose={(dist_key) => change({ dist_key })} />
              )}
            </Field>
          )}
        </div>
        <div className="space-y-3">
          <Field label="Sort order" name="sort-style" error={error('sort-style')} hint={orders.find(({ value }) => value === order)?.what}>
            {(props) => (
              <Select {...props} value={order} onChange={(event) => change({ sort_style: event.target.value as TableOptions['sort_style'] })}>
                {orders.map((each) => (
                  <option key={each.value} value={each.value}>
                    {each.title}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {order !== 'AUTO' && <SortKeys keys={options.sort_keys ?? []} names={names} most={mostKeys(order)} error={error('sort-add')} onChange={(sort_keys) => change({ sort_keys })} />}
        </div>
        <Encodings words={options.encodings ?? {}} wizard={wizard} names={names} error={error('encode-add')} onChange={(encodings) => change({ encodings })} />
      </div>}
    </details>
  )
}

/** The names with one that is chosen, also where it is none of them any more. */
const withOwn = (names: string[], own: string | undefined) => (own && !names.includes(own) ? [...names, own] : names)

const choicesOf = (names: string[]) => names.map((name) => ({ value: name, label: name }))

/** Focus for what was in a row that is gone. */
const focusOn = (name: string) => document.getElementById(`field-${name}`)?.focus()

function SortKeys({ keys, names, most, error, onChange }: { keys: string[]; names: string[]; most: number; error?: string; onChange: (keys: string[]) => void }) {
  const left = names.filter((name) => !keys.includes(name))
  const move = (from: number, to: number) => onChange(keys.map((key, i) => (i === from ? (keys[to] ?? key) : i === to ? (keys[from] ?? key) : key)))
  return (
    <>
      {keys.length > 0 && (
        <ol aria-label="Sort columns" className="divide-y divide-line rounded-md border border-line">
          {keys.map((key, i) => (
            <li key={key} className="flex items-center gap-1 py-1 pr-1 pl-3">
              <span className="w-5 shrink-0 text-xs text-muted tabular-nums">{i + 1}</span>
              <span className="min-w-0 flex-1 truncate font-mono text-xs">{key}</span>
              <Button variant="ghost" size="icon-sm" aria-label={`Sort by ${key} before`} disabled={i === 0} onClick={() => move(i, i - 1)}>
                <ArrowUp aria-hidden />
              </Button>
              <Button variant="ghost" size="icon-sm" aria-label={`Sort by ${key} after`} disabled={i === keys.length - 1} onClick={() => move(i, i + 1)}>
                <ArrowDown aria-hidden />
              </Button>
              <Button variant="ghost" size="icon-sm" aria-label={`Do not sort by ${key}`} onClick={() => {
                  flushSync(() => onChange(keys.filter((each) => each !== key)))
                  focusOn('sort-add')
                }}
              >
                <X aria-hidden />
              </Button>
            </li>
          ))}
        </ol>
      )}
      {(left.length > 0 || error) && (keys.length < most || error) && (
        <Field label={keys.length === 0 ? 'Sort column' : 'Another sort column'} name="sort-add" required={keys.length === 0} error={error}>
          {(props) => (
            <LongSelect {...props} className="font-mono text-xs" none="Choose a column" choices={choicesOf(left)} value="" onChoose={(name) => onChange([...keys, name])} />
          )}
        </Field>
      )}
    </>
  )
}

function Encodings({ words, wizard, names, error, onChange }: { words: Record<string, string>; wizard: Wizard; names: string[]; error?: string; onChange: (words: Record<string, string>) => void }) {
  const typeOf = (name: string) => wizard.columns.find((each) => each.destination.trim() === name)?.type
  const left = names.filter((name) => !(name in words))
  return (
    <div className="space-y-3">
      {Object.keys(words).length > 0 && (
        <ul aria-label="Compressed columns" className="divide-y divide-line rounded-md border border-line">
          {Object.entries(words).map(([name, word]) => (
            <li key={name} className="flex items-center gap-2 py-1 pr-1 pl-3">
              <span className="min-w-0 flex-1 truncate font-mono text-xs">{name}</span>
              <Select aria-label={`Compression of ${name}`} className="h-7 w-32 text-xs" value={word} onChange={(event) => onChange({ ...words, [name]: event.target.value })}>
                {withOwn(encodingsOf(typeOf(name)), word).map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </Select>
              <Button variant="ghost" size="icon-sm" aria-label={`Leave the compression of ${name} to Redshift`} onClick={() => {
                  flushSync(() => onChange(Object.fromEntries(Object.entries(words).filter(([each]) => each !== name))))
                  focusOn('encode-add')
                }}
              >
                <X aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      )}
      {(left.length > 0 || error) && (
        <Field label="Compression of a column" name="encode-add" optional error={error} hint="With one encoding chosen, Redshift no longer changes those of the others by use.">
          {(props) => (
            <LongSelect {...props} className="font-mono text-xs" none="Choose a column" choices={choicesOf(left)} value="" onChoose={(name) => onChange({ ...words, [name]: encodingsOf(typeOf(name))[0] ?? 'ZSTD' })} />
          )}
        </Field>
      )}
    </div>
  )
}
