import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from 'react'
import type { Metadata } from '@/shared/api/model'
import { Button, CopyButton, ErrorPanel, Input } from '@/shared/components'
import { formatCount } from '@/shared/lib/format'
import { lookOfType, widthOf } from './column-look'
import { Cell, GridRow, type Slot } from './grid-row'
import { HeadCell, headRow } from './head-cell'
import type { Histogram } from './queries'
import { useRowScroll } from './use-row-scroll'
import { useRows } from './use-rows'

const rowHeight = 28
const head = 74

/**
 * The rows of a file, however many. Rows are drawn as they are scrolled to, and so are columns. The
 * grid takes one stop of the tab key; arrows, Page Up and Down, Home and End move within it.
 */
export function DataGrid({ file, histograms, chosen, onChoose, offset, onOffset }: {
  file: Metadata
  histograms: Map<string, Histogram>
  /** Index of the column whose card is shown. */
  chosen: number
  onChoose: (column: number) => void
  /** The row to begin with; where the list stands is told by onOffset. */
  offset: number
  onOffset: (row: number) => void
}) {
  const { columns, row_count: total } = file
  const latest = useRef(onOffset)
  useEffect(() => {
    latest.current = onOffset
  }, [onOffset])
  const settled = useCallback((row: number) => latest.current(row), [])
  const { box, seen, asked, onScroll, goTo, reveal, height, perPage } = useRowScroll({ rows: total, rowHeight, head, settled })
  const { rowAt, loading, failed } = useRows(file.file_id, columns.length, asked.from, Math.max(asked.to, Math.min(total, 1)))
  const [active, setActive] = useState({ row: headRow, column: Math.max(0, chosen) })
  const [focused, setFocused] = useState(false)

  const gutter = 40 + Math.ceil(2 * Math.max(3, formatCount(total).length) * 6.4)
  const widths = useMemo(() => columns.map(widthOf), [columns])
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler is not in use
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => box.current,
    estimateSize: (i) => widths[i] ?? 0,
    overscan: 2,
    paddingStart: gutter,
    scrollPaddingStart: gutter,
    initialRect: { width: 1280, height: 600 },
  })
  useEffect(() => across.measure(), [across, widths])
  const items = across.getVirtualItems()
  const span = `${items[0]?.index ?? 0} ${items.at(-1)?.index ?? -1}`
  const slots = useMemo((): Slot[] => {
    const [from = 0, to = -1] = span.split(' ').map(Number)
    return columns.slice(from, to + 1).map((column, i) => ({ index: from + i, name: column.name, width: widths[from + i] ?? 0, right: lookOfType(column.type).right }))
  }, [columns, widths, span])
  const before = (items[0]?.start ?? gutter) - gutter

  const begin = useEffectEvent(() => {
    if (offset > 0) goTo(offset)
  })
  useEffect(() => begin(), [file.file_id])
  // The column whose card is shown is in view, wherever it was chosen.
  useEffect(() => across.scrollToIndex(chosen, { align: 'auto' }), [across, chosen])

  const move = (row: number, column: number) => {
    const next = { row: Math.min(Math.max(row, headRow), total - 1), column: Math.min(Math.max(column, 0), columns.length - 1) }
    setActive(next)
    if (next.row >= 0) reveal(next.row)
    across.scrollToIndex(next.column, { align: 'auto' })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.altKey) return
    const { row, column } = active
    const all = event.ctrlKey || event.metaKey
    const last = total - 1
    const steps: Partial<Record<string, [number, number]>> = {
      ArrowDown: [all ? last : row + 1, column],
      ArrowUp: [all ? headRow : row - 1, column],
      ArrowLeft: [row, all ? 0 : column - 1],
      ArrowRight: [row, all ? columns.length - 1 : column + 1],
      PageDown: [row + perPage, column],
      PageUp: [row - perPage, column],
      Home: [all ? headRow : row, 0],
      End: [all ? last : row, columns.length - 1],
    }
    const to = steps[event.key]
    if (to) move(...to)
    else if (event.key === 'Enter' || event.key === ' ') onChoose(column)
    else return
    event.preventDefault()
  }
  const onClick = (event: MouseEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('[data-column]')
    if (!cell) return
    const column = Number(cell.dataset.column)
    setActive({ row: Number(cell.dataset.row), column })
    onChoose(column)
  }

  const activeRow = active.row >= 0 ? rowAt(active.row) : undefined
  return (
    <div className="min-w-0">
      {failed?.error && <ErrorPanel error={failed.error} onRetry={() => void failed.refetch()} retrying={failed.isFetching} className="m-3" />}
      <div ref={box} onScroll={onScroll} className="h-[max(20rem,60dvh)] overflow-auto bg-sunken xl:h-[max(24rem,calc(100dvh-12rem))]" data-testid="grid-scroller">
        <table
          role="grid"
          tabIndex={0}
          aria-label={`Rows of ${file.filename}`}
          aria-rowcount={total + 1}
          aria-colcount={columns.length + 1}
          aria-activedescendant={active.row === headRow ? `head-${active.column}` : `cell-${active.row}-${active.column}`}
          aria-busy={loading || undefined}
          onKeyDown={onKeyDown}
          onClick={onClick}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          style={{ width: across.getTotalSize(), height: head + height }}
          className="relative block min-w-full outline-offset-[-2px]"
        >
          <thead role="rowgroup" className="sticky top-0 z-20 block bg-surface" style={{ height: head }}>
            <tr role="row" aria-rowindex={1} className="flex h-full border-b border-line-strong">
              <th role="columnheader" scope="col" aria-colindex={1} style={{ width: gutter }} className="sticky left-0 z-10 flex shrink-0 items-end gap-2 border-r border-line bg-surface px-2 pb-1.5 text-2xs font-normal text-muted">
                <span className="flex-1 text-right">row</span>
                <span className="flex-1 text-right">line</span>
              </th>
              {slots.map((slot, i) => {
                const column = columns[slot.index]
                return (
                  column && (
                    <HeadCell
                      key={slot.index}
                      index={slot.index}
                      column={column}
                      histogram={histograms.get(column.name)}
                      width={slot.width}
                      before={i === 0 ? before : 0}
                      chosen={chosen === slot.index}
                      active={focused && active.row === headRow && active.column === slot.index}
                    />
                  )
                )
              })}
            </tr>
          </thead>
          <tbody role="rowgroup" className="relative block">
            {Array.from({ length: Math.max(0, seen.end - seen.start) }, (_, i) => {
              const index = seen.start + i
              return (
                <GridRow
                  key={index}
                  index={index}
                  row={rowAt(index)}
                  top={seen.base + index * rowHeight}
                  height={rowHeight}
                  gutter={gutter}
                  before={before}
                  slots={slots}
                  chosen={chosen}
                  active={active.row === index ? active.column : -1}
                />
              )
            })}
          </tbody>
        </table>
      </div>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-line px-3 py-2 text-xs">
        <GoToRow total={total} onGo={(row) => move(row, active.column)} />
        <p className="min-w-0 flex-1 basis-64 truncate text-muted" aria-live="polite">
          {active.row < 0 || !activeRow ? (
            <>Rows as they stand in the file. Choose a cell to see it whole.</>
          ) : (
            <>
              {activeRow.bad && <span className="font-medium text-bad-text">{activeRow.bad.reason} · </span>}
              Row {formatCount(active.row + 1)} · {columns[active.column]?.name}:{' '}
              <span className="font-mono text-text">
                <Cell value={activeRow.cells[active.column]} />
              </span>
            </>
          )}
        </p>
        {activeRow && <CopyButton text={() => activeRow.cells[active.column] ?? ''} label="Copy value" />}
      </div>
    </div>
  )
}

function GoToRow({ total, onGo }: { total: number; onGo: (row: number) => void }) {
  const [text, setText] = useState('')
  const row = Number(text.replaceAll(/[\s,.]/g, ''))
  const fits = Number.isInteger(row) && row >= 1 && row <= total
  return (
    <form
      className="flex items-center gap-1.5"
      onSubmit={(event) => {
        event.preventDefault()
        if (fits) onGo(row - 1)
      }}
    >
      <label htmlFor="go-to-row" className="text-muted">
        Go to row
      </label>
      <Input id="go-to-row" inputMode="numeric" value={text} aria-invalid={(text !== '' && !fits) || undefined} placeholder={`1 – ${formatCount(total)}`} onChange={(event) => setText(event.target.value)} className="h-7 w-28 text-xs" />
      <Button type="submit" size="sm" disabled={!fits}>
        Go
      </Button>
    </form>
  )
}
