import { defaultRangeExtractor, useWindowVirtualizer, type Range } from '@tanstack/react-virtual'
import { ArrowRight, ChevronDown, FunctionSquare, Trash2, TriangleAlert } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState, type FocusEvent, type KeyboardEvent, type ReactNode } from 'react'
import { Badge, Button, type Tone } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatShare, plural } from '@/shared/lib/format'
import { Cell } from './column-editor'
import type { DraftColumn } from './draft'
import type { Suggestion, Trial } from './queries'

/** Shorter lists are in the page as a whole, for the browser's own search. */
const short = 60
const rowHeight = 37
const editorHeight = 520
/** Rows that Page Up and Page Down pass over. */
const leap = 10

/** A mapped column with its place among all. */
export interface Mapped {
  row: DraftColumn
  index: number
}

/** A column whose field is to be found, as an error's link does; a greater n is another time. */
export interface Sought {
  key: string
  n: number
}

const columns = 'grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 md:grid-cols-[minmax(0,3fr)_minmax(0,3fr)_minmax(0,4fr)_minmax(0,10.5rem)_3.75rem]'

/**
 * The mapped columns; of many only those in sight are in the page, the opened one and the one that
 * has the focus. Arrows, Page Up and Down, Home and End go from row to row, Enter opens.
 */
export function MappingTable({ shown, trial, suggestion, errorOf, opened, open, sought, editor, onRemove }: {
  shown: Mapped[]
  trial?: Trial
  suggestion?: Suggestion
  errorOf: (name: string) => string | undefined
  /** Key of the column whose editor shows. */
  opened: string
  open: (key: string) => void
  sought: Sought
  editor: (mapped: Mapped) => ReactNode
  onRemove: (mapped: Mapped) => void
}) {
  const body = useRef<HTMLTableSectionElement>(null)
  const [margin, setMargin] = useState(0)
  /** The column with the focus in its row or editor. */
  const [focused, setFocused] = useState('')
  const [goTo, setGoTo] = useState<{ key: string; id: string } | null>(null)
  const at = shown.findIndex(({ row }) => row.key === opened)
  const items = useMemo(() => shown.flatMap((mapped) => (mapped.row.key === opened ? [{ mapped, edits: false }, { mapped, edits: true }] : [{ mapped, edits: false }])), [shown, opened])
  const pinned = useMemo(() => {
    const keys = [opened, focused, goTo?.key]
    return items.flatMap(({ mapped }, i) => (keys.includes(mapped.row.key) ? [i] : []))
  }, [items, opened, focused, goTo])
  const rows = useWindowVirtualizer<HTMLTableRowElement>({
    count: items.length,
    estimateSize: (i) => (items[i]?.edits ? editorHeight : rowHeight),
    getItemKey: (i) => `${items[i]?.mapped.row.key ?? i}${items[i]?.edits ? ' editor' : ''}`,
    overscan: items.length <= short ? short : 8,
    scrollMargin: margin,
    rangeExtractor: useCallback((range: Range) => [...new Set([...defaultRangeExtractor(range), ...pinned])].sort((a, b) => a - b), [pinned]),
  })
  useEffect(() => {
    // Whatever stands above changes the height of the page, too.
    const observer = new ResizeObserver(() => {
      if (body.current) setMargin(Math.round(body.current.getBoundingClientRect().top + window.scrollY))
    })
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [])
  // It is in the page by now, for what is to be gone to always is.
  useEffect(() => {
    if (goTo) document.getElementById(goTo.id)?.focus()
  }, [goTo])
  const [found, setFound] = useState(sought.n)
  if (sought.n !== found && at >= 0 && shown[at]?.row.key === sought.key) {
    setFound(sought.n)
    setGoTo({ key: sought.key, id: `field-column-${sought.key}` })
  }

  const remove = (mapped: Mapped) => {
    const from = shown.indexOf(mapped)
    const next = shown[from + 1] ?? shown[from - 1]
    onRemove(mapped)
    if (next) setGoTo({ key: next.row.key, id: `row-${next.row.key}` })
  }
  const move = (event: KeyboardEvent<HTMLElement>) => {
    if (!(event.target instanceof HTMLElement) || !event.target.id.startsWith('row-')) return
    const from = shown.findIndex(({ row }) => `row-${row.key}` === (event.target as HTMLElement).id)
    const last = shown.length - 1
    const steps: Partial<Record<string, number>> = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + leap, PageUp: from - leap, Home: 0, End: last }
    const to = steps[event.key]
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    const next = shown[Math.min(last, Math.max(0, to))]?.row.key
    if (next !== undefined) setGoTo({ key: next, id: `row-${next}` })
    event.preventDefault()
  }
  const entered = (event: FocusEvent<HTMLElement>) => setFocused(event.target.closest<HTMLElement>('[data-key]')?.dataset.key ?? '')
  const left = (event: FocusEvent<HTMLElement>) => {
    // A window that another one covers keeps its place.
    if (document.hasFocus() && !event.currentTarget.contains(event.relatedTarget)) setFocused('')
  }
  return (
    <table role="table" aria-label="Mapped columns" aria-rowcount={items.length + 1} aria-colcount={5} className="block text-sm">
      <thead role="rowgroup" className="block max-md:sr-only">
        <tr role="row" aria-rowindex={1} className={cn(columns, 'h-8 items-center border-b border-line bg-sunken px-4 text-left text-2xs text-muted')}>
          {['In the file', 'In the table', 'First row', 'Match'].map((name, i) => (
            <th key={name} role="columnheader" scope="col" aria-colindex={i + 1} className={cn('font-medium', i === 2 && 'max-md:hidden')}>
              {name}
            </th>
          ))}
          <th role="columnheader" scope="col" aria-colindex={5} className="font-medium">
            <span className="sr-only">Leave out</span>
          </th>
        </tr>
      </thead>
      <tbody ref={body} role="rowgroup" onKeyDown={move} onFocus={entered} onBlur={left} className="relative block" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, key, start }) => {
          const item = items[index]
          if (!item) return null
          return item.edits ? (
            <tr key={key} ref={rows.measureElement} role="row" aria-rowindex={index + 2} data-index={index} data-key={item.mapped.row.key} className="absolute inset-x-0 block border-b border-line" style={{ top: start - margin }}>
              <td role="cell" colSpan={5} className="block">
                {editor(item.mapped)}
              </td>
            </tr>
          ) : (
            <Row
              key={key}
              measure={rows.measureElement}
              at={index}
              top={start - margin}
              mapped={item.mapped}
              trial={trial}
              suggestion={suggestion}
              error={errorOf(`column-${item.mapped.row.key}`)}
              open={opened === item.mapped.row.key}
              onToggle={() => open(opened === item.mapped.row.key ? '' : item.mapped.row.key)}
              onRemove={() => remove(item.mapped)}
            />
          )
        })}
      </tbody>
    </table>
  )
}

function Row({ measure, at: place, top, mapped: { row, index }, trial, suggestion, error, open, onToggle, onRemove }: { measure: (element: HTMLTableRowElement | null) => void; at: number; top: number; mapped: Mapped; trial?: Trial; suggestion?: Suggestion; error?: string; open: boolean; onToggle: () => void; onRemove: () => void }) {
  const type = trial?.columns[index]?.type ?? row.type ?? ''
  const bad = trial?.rows.filter((each) => each.errors?.some((one) => one.column_index === index)).length ?? 0
  const problem = trial?.columns[index]?.error
  const first = trial?.rows[0]
  const at = trial?.sources.indexOf(row.source ?? '') ?? -1
  const name = row.destination || 'no column yet'
  return (
    <tr
      ref={measure}
      role="row"
      aria-rowindex={place + 2}
      data-index={place}
      data-key={row.key}
      style={{ top }}
      className={cn(columns, 'absolute inset-x-0 min-h-9 items-center gap-y-0.5 border-b border-line px-4 py-1.5 md:py-0.5 hover:bg-hover has-[[id^=row-]:focus-visible]:outline-2 has-[[id^=row-]:focus-visible]:-outline-offset-2 has-[[id^=row-]:focus-visible]:outline-accent', open && 'bg-accent-soft/50')}
    >
      <th role="rowheader" scope="row" aria-colindex={1} className="min-w-0 text-left font-normal">
        {/* The button takes the whole row. */}
        <button type="button" id={`row-${row.key}`} aria-expanded={open} onClick={onToggle} className="flex min-h-6 w-full min-w-0 scroll-mt-20 items-center gap-1.5 text-left outline-none after:absolute after:inset-0">
          {row.source ? (
            <span className="truncate font-mono text-xs">{row.source}</span>
          ) : (
            <>
              <FunctionSquare aria-hidden className="size-3.5 shrink-0 text-muted" />
              <span className="truncate font-mono text-xs text-muted">{row.expression || 'calculated'}</span>
            </>
          )}
          <span className="sr-only"> to {name}</span>
        </button>
      </th>
      <td role="cell" aria-colindex={2} className="flex min-w-0 items-center gap-2 max-md:col-start-1">
        <ArrowRight aria-hidden className="size-3.5 shrink-0 text-faint" />
        <span className={cn('truncate font-mono text-xs font-medium', !row.destination && 'text-bad-text italic')}>{name}</span>
        <span className="truncate text-xs text-muted">{type}</span>
      </td>
      <td role="cell" aria-colindex={3} className="min-w-0 truncate font-mono text-xs text-muted max-md:hidden">
        {first && !problem && (
          <>
            {at >= 0 && (row.transformations?.length || row.expression) ? <><Cell value={first.source[at]} /> → </> : null}
            <span className="text-text">
              <Cell value={first.values[index]} />
            </span>
          </>
        )}
      </td>
      <td role="cell" aria-colindex={4} className="flex max-w-full min-w-0 items-center gap-1.5 max-md:col-start-1">
        {row.transformations && row.transformations.length > 0 && <Badge className="max-sm:hidden">{plural(row.transformations.length, 'step')}</Badge>}
        {problem || error ? (
          <Badge tone="bad" icon={TriangleAlert}>
            to correct
          </Badge>
        ) : bad > 0 ? (
          <Badge tone="warn" icon={TriangleAlert}>
            {plural(bad, 'bad value')}
          </Badge>
        ) : (
          <Matched suggestion={suggestion} row={row} />
        )}
      </td>
      <td role="cell" aria-colindex={5} className="flex items-center justify-end gap-1 max-md:col-start-2 max-md:row-span-3 max-md:row-start-1">
        <ChevronDown aria-hidden className={cn('size-4 text-muted transition-transform max-md:hidden', open && 'rotate-180')} />
        <Button variant="ghost" size="icon-sm" className="relative z-1 -mr-2" aria-label={`Leave out ${name}`} onClick={onRemove}>
          <Trash2 aria-hidden />
        </Button>
      </td>
    </tr>
  )
}

/** How sure the match is, and why. */
function Matched({ suggestion, row }: { suggestion?: Suggestion; row: DraftColumn }) {
  const match = suggestion?.matches.find((each) => each.source === row.source && each.destination === row.destination)
  if (!match) return <Badge>{row.source ? 'by hand' : 'calculated'}</Badge>
  return (
    <Badge tone={toneOf(match.score ?? 1)} className="min-w-0 font-normal">
      <span className="truncate">{match.reason ?? (match.exact ? 'same name' : 'similar name')}</span> <span className="tabular-nums">{formatShare(match.score ?? 1)}</span>
    </Badge>
  )
}

function toneOf(score: number): Tone {
  return score >= 0.9 ? 'ok' : score >= 0.6 ? 'info' : 'warn'
}
