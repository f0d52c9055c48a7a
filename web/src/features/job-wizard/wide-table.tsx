import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, type ReactNode } from 'react'
import { cn } from '@/shared/lib/cn'
import { formatCount } from '@/shared/lib/format'

const letter = 7.3
const narrowest = 64
const widest = 256
const state = 96

/** A column of a WideTable. */
export interface WideColumn {
  name: string
  /** What stands behind the name, as its type. */
  note?: string
}

/** How wide a column of these texts is shown, in pixels. */
export function widthFor(texts: (string | null | undefined)[]): number {
  const longest = Math.max(0, ...texts.map((text) => (text === null || text === undefined ? 4 : text === '' ? 5 : text.length)))
  return Math.round(Math.min(widest, Math.max(narrowest, longest * letter + 26)))
}

/**
 * A few rows of any number of columns, of which those in sight are in the page. Rows have the line
 * of the file and what becomes of them before their cells.
 */
export function WideTable<R extends { line: number }>({ region, caption, busy, columns, rows, first = 0, total, stateOf, textOf, cellOf, faint }: {
  /** Names the part that scrolls sideways. */
  region: string
  /** Names the table. */
  caption: string
  busy?: boolean
  columns: readonly WideColumn[]
  rows: readonly R[]
  /** The place of the first row among all rows, from 0. */
  first?: number
  /** All rows; -1 where that is not known. */
  total: number
  stateOf: (row: R) => ReactNode
  /** What a cell says, for the width of its column. */
  textOf: (row: R, column: number) => string | null | undefined
  /** A cell with what it looks like. */
  cellOf: (row: R, column: number) => { content: ReactNode; title?: string; className?: string }
  faint?: (row: R) => boolean
}) {
  const box = useRef<HTMLDivElement>(null)
  const widths = useMemo(() => columns.map(({ name, note }, i) => widthFor([note ? `${name} ${note}` : name, ...rows.map((row) => textOf(row, i))])), [columns, rows, textOf])
  const line = Math.round(40 + formatCount(rows.at(-1)?.line ?? 0).length * letter)
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler is not in use
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => box.current,
    estimateSize: (i) => widths[i] ?? narrowest,
    overscan: 3,
    paddingStart: line + state,
    initialRect: { width: 1280, height: 400 },
  })
  const measures = widths.join(' ')
  useEffect(() => across.measure(), [across, measures])
  const seen = across.getVirtualItems()
  const before = (seen[0]?.start ?? 0) - line - state
  const lead = 'flex shrink-0 items-start px-3'
  return (
    <div ref={box} className="overflow-x-auto focus-visible:-outline-offset-2" tabIndex={0} role="region" aria-label={region}>
      <table role="table" aria-label={caption} aria-busy={busy || undefined} aria-rowcount={total < 0 ? -1 : total + 1} aria-colcount={columns.length + 2} className="block min-w-full text-xs" style={{ width: across.getTotalSize() }}>
        <thead role="rowgroup" className="block">
          <tr role="row" aria-rowindex={1} className="flex h-8 items-center border-b border-line bg-sunken text-left text-2xs text-muted">
            <th role="columnheader" scope="col" aria-colindex={1} style={{ width: line }} className={cn(lead, 'justify-end pl-4 font-medium')}>
              Line
            </th>
            <th role="columnheader" scope="col" aria-colindex={2} style={{ width: state }} className={cn(lead, 'font-medium')}>
              Row
            </th>
            {seen.map(({ index, size }, i) => (
              <th key={index} role="columnheader" scope="col" aria-colindex={index + 3} title={columns[index]?.name} style={{ width: size, marginLeft: i === 0 ? before : undefined }} className="block shrink-0 truncate px-3 font-mono font-medium">
                {columns[index]?.name} <span className="font-normal text-faint">{columns[index]?.note}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" className="block">
          {rows.map((row, at) => (
            <tr key={row.line} role="row" aria-rowindex={first + at + 2} className={cn('flex min-h-8 items-stretch border-b border-line last:border-0', faint?.(row) && 'text-faint')}>
              <th role="rowheader" scope="row" aria-colindex={1} style={{ width: line }} className={cn(lead, 'justify-end py-1.5 pl-4 font-normal text-muted tabular-nums')}>
                {formatCount(row.line)}
              </th>
              <td role="cell" aria-colindex={2} style={{ width: state }} className="flex h-7 shrink-0 items-center px-3">
                {stateOf(row)}
              </td>
              {seen.map(({ index, size }, i) => {
                const { content, title, className } = cellOf(row, index)
                return (
                  <td key={index} role="cell" aria-colindex={index + 3} title={title} style={{ width: size, marginLeft: i === 0 ? before : undefined }} className={cn('block shrink-0 truncate px-3 py-1.5', className)}>
                    {content}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
