import { Search, X } from 'lucide-react'
import { useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { flushSync } from 'react-dom'
import { Button, Checkbox, Input } from '@/shared/components'
import { formatCount, plural } from '@/shared/lib/format'

/** Up to so many columns are all there at once. */
const few = 60
/** How many of more columns are shown at a time. */
const some = 50

interface Props {
  /** The columns to choose from. */
  names: readonly string[]
  /** Those that are chosen, in the key's order. */
  keys: readonly string[]
  onChange: (keys: string[]) => void
}

/** The columns of a key: boxes to tick, and a search where there are many. */
export function KeyColumns({ names, keys, onChange }: Props) {
  const set = (name: string, on: boolean) => onChange(on ? [...keys, name] : keys.filter((each) => each !== name))
  if (names.length > few) return <ManyColumns names={names} keys={keys} onChange={onChange} />
  return (
    <div className="grid max-h-56 grid-cols-1 gap-x-4 overflow-y-auto sm:grid-cols-2">
      {names.map((name, i) => (
        <Checkbox key={name} id={i === 0 ? 'field-keys' : undefined} label={<span className="font-mono text-xs">{name}</span>} checked={keys.includes(name)} onChange={(event) => set(name, event.target.checked)} />
      ))}
    </div>
  )
}

/** Those that have the text, the likely ones first. */
function searched(names: readonly string[], text: string): readonly string[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return names
  const rank = (name: string) => (name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2)
  return names
    .map((name) => ({ name, low: name.toLowerCase() }))
    .filter(({ low }) => low.includes(wanted))
    .sort((a, b) => rank(a.low) - rank(b.low))
    .map(({ name }) => name)
}

function ManyColumns({ names, keys, onChange }: Props) {
  const [typed, setTyped] = useState('')
  const [wanted, setWanted] = useState(some)
  // The box that Tab goes to; arrows go from there, so that the rest of the page is one Tab away.
  const [near, setNear] = useState('')
  const field = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLUListElement>(null)
  const known = useMemo(() => new Set(names), [names])
  const found = useMemo(() => searched(names, typed), [names, typed])
  const shown = found.slice(0, wanted)
  const stop = shown.includes(near) ? near : shown[0]
  const box = (i: number) => list.current?.querySelectorAll('input').item(i)
  const move = (event: KeyboardEvent) => {
    const at = shown.indexOf(near)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    if (to < 0) field.current?.focus()
    else box(Math.min(to, shown.length - 1))?.focus()
  }
  return (
    <div className="space-y-2.5">
      {keys.length === 0 ? (
        <p className="text-xs text-muted">None chosen yet.</p>
      ) : (
        <ul aria-label="Chosen key columns" className="flex max-h-32 flex-wrap gap-1.5 overflow-y-auto">
          {keys.map((name) => (
            <li key={name} className="flex max-w-full min-w-0 items-center rounded-md border border-accent/40 bg-accent-soft pl-2 text-xs">
              <span className="min-w-0 truncate font-mono" title={name}>
                {name}
              </span>
              {!known.has(name) && <span className="ml-1.5 shrink-0 text-warn-text">not mapped</span>}
              <Button
                variant="ghost"
                size="icon-sm"
                aria-label={`Take ${name} out of the key`}
                onClick={() => {
                  onChange(keys.filter((each) => each !== name))
                  field.current?.focus()
                }}
              >
                <X aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      )}
      <div className="relative">
        <Search aria-hidden className="absolute top-2 left-2.5 size-4 text-faint" />
        <Input
          ref={field}
          id="field-keys"
          type="search"
          aria-label="Search columns for the key"
          aria-describedby="keys-found"
          placeholder="Name of a column"
          autoComplete="off"
          spellCheck={false}
          className="pl-8 font-mono text-xs"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value)
            setWanted(some)
          }}
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown' || shown.length === 0) return
            event.preventDefault()
            box(0)?.focus()
          }}
        />
      </div>
      <p id="keys-found" role="status" className="text-xs text-muted">
        {found.length === 0 ? `No column has “${typed.trim()}”.` : `${shown.length < found.length ? `${formatCount(shown.length)} of ` : ''}${plural(found.length, 'column')}${found.length < names.length ? ` with “${typed.trim()}”` : ''}; the arrow keys go through them.`}
      </p>
      {found.length > 0 && (
        <div className="max-h-56 overflow-y-auto rounded-md border border-line px-2.5 py-1.5">
          <ul ref={list} aria-label="Columns" className="grid grid-cols-1 gap-x-4 sm:grid-cols-2" onKeyDown={move}>
            {shown.map((name) => (
              <li key={name} className="min-w-0">
                <Checkbox
                  label={<span className="font-mono text-xs break-all">{name}</span>}
                  tabIndex={name === stop ? 0 : -1}
                  checked={keys.includes(name)}
                  onFocus={() => setNear(name)}
                  onChange={(event) => onChange(event.target.checked ? [...keys, name] : keys.filter((each) => each !== name))}
                />
              </li>
            ))}
          </ul>
          {shown.length < found.length && (
            <Button
              variant="ghost"
              size="sm"
              className="mt-1 -ml-1"
              onClick={() => {
                flushSync(() => setWanted(wanted + some))
                box(wanted)?.focus()
              }}
            >
              Show {formatCount(Math.min(some, found.length - shown.length))} more
            </Button>
          )}
        </div>
      )}
    </div>
  )
}
