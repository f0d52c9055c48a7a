import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'
import type { Reject, Run } from '@/shared/api/model'
import { HiddenIn, TextLink, Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount, plural, toBigInt } from '@/shared/lib/format'
import { cellsOf, type Draft } from './draft'
import { RawLine } from './raw-line'

const rowHeight = 84
/** Of the cells below a reason. */
const cellsHeight = 44

/**
 * Rejected rows with their cells to be corrected; only those in sight are in the page. Enter and
 * the arrows up and down go from row to row, Esc puts back what was read.
 */
export function RejectGrid({ rejects, columns, total, draft, editable, resent, onCell, onTick, onEnd }: {
  rejects: Reject[]
  columns: string[]
  /** All rows of the filter, also those that are not here yet. */
  total: number
  draft: Draft
  editable: boolean
  /** The runs with which rows were sent again. */
  resent: Run['child_runs']
  onCell: (reject: Reject, column: number, value: string) => void
  onTick: (rejects: Reject[], load: boolean) => void
  /** The last rows that are here have come into sight. */
  onEnd: () => void
}) {
  const box = useRef<HTMLDivElement>(null)
  // eslint-disable-next-line react-hooks/incompatible-library -- what it returns goes to nothing memoized
  const rows = useVirtualizer({
    count: rejects.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    getItemKey: (i) => rejects[i]?.line ?? i,
    overscan: 6,
    scrollPaddingStart: 36,
  })
  const [goTo, setGoTo] = useState<{ row: number; column: number } | null>(null)
  const items = rows.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (rejects.length > 0 && lastShown >= rejects.length - 10) onEnd()
  }, [lastShown, rejects.length, onEnd])
  useEffect(() => {
    if (goTo) box.current?.querySelector<HTMLInputElement>(`input[data-cell="${goTo.row}.${goTo.column}"]`)?.focus()
  }, [goTo])
  const width = columns.length
  const open = rejects.filter((reject) => !reject.reloaded_by)
  const ticked = open.filter((reject) => draft[reject.line]?.load).length
  const keyDown = (event: KeyboardEvent<HTMLInputElement>, row: number, column: number, reject: Reject) => {
    const step = event.key === 'ArrowDown' || (event.key === 'Enter' && !event.shiftKey) ? 1 : event.key === 'ArrowUp' || event.key === 'Enter' ? -1 : 0
    if (event.key === 'Escape') onCell(reject, column, reject.fields?.[column] ?? '')
    if (step === 0) return
    event.preventDefault()
    let next = row + step
    while (rejects[next]?.reloaded_by) next += step
    if (!rejects[next]) return
    rows.scrollToIndex(next)
    setGoTo({ row: next, column })
  }
  const before = items[0]?.start ?? 0
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    <div ref={box} tabIndex={0} role="region" aria-label="Rejected rows as a table" className="@container max-h-[clamp(16rem,calc(100vh-20rem),44rem)] overflow-auto focus-visible:-outline-offset-2">
      <table aria-rowcount={total * 2 + 1} className="w-full border-separate border-spacing-0 text-sm" style={{ minWidth: `${5 + width * 7.5}rem` }}>
        <caption className="sr-only">Rejected rows: the reason with the row as it was read, and below it its cells</caption>
        <thead className="sticky top-0 z-20">
          <tr aria-rowindex={1} className="bg-sunken">
            <th scope="col" className="sticky left-0 z-10 h-9 w-20 border-b border-line bg-sunken px-3 text-left text-xs font-medium text-muted">
              {editable && open.length > 0 && (
                <input
                  type="checkbox"
                  aria-label="Load all rows shown"
                  checked={ticked === open.length}
                  ref={(el) => {
                    if (el) el.indeterminate = ticked > 0 && ticked < open.length
                  }}
                  onChange={(event) => onTick(open, event.target.checked)}
                  className="tick mr-1.5 align-middle"
                />
              )}
              Line
            </th>
            {columns.map((column, i) => (
              <th key={i} scope="col" className="h-9 border-b border-line bg-sunken px-2 text-left text-xs font-medium whitespace-nowrap text-muted">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        {before > 0 && (
          <tbody aria-hidden>
            <tr>
              <td colSpan={width + 1} style={{ height: before }} />
            </tr>
          </tbody>
        )}
        {items.map((item) => {
          const reject = rejects[item.index]
          if (!reject) return null
          const row = draft[reject.line]
          const read = cellsOf(reject, width)
          const cells = row?.fields ?? read
          const done = Boolean(reject.reloaded_by)
          const again = done ? resent?.find((child) => child.id === reject.reloaded_by) : undefined
          const tint = done ? 'bg-sunken' : row?.load ? 'bg-accent-soft/50' : ''
          return (
            <tbody key={item.key} ref={rows.measureElement} data-index={item.index}>
              <tr aria-rowindex={item.index * 2 + 2} className={tint}>
                <th scope="row" rowSpan={2} className={cn('sticky left-0 z-10 border-b border-line px-3 text-left align-middle font-mono text-xs font-normal', done ? 'bg-sunken' : row?.load ? 'bg-accent-soft' : 'bg-surface')}>
                  {editable && !done && (
                    <input type="checkbox" aria-label={`Load line ${reject.line}`} checked={row?.load ?? false} onChange={(event) => onTick([reject], event.target.checked)} className="tick mr-1.5 align-middle" />
                  )}
                  {formatCount(reject.source_line)}
                </th>
                <td colSpan={Math.max(width, 1)} className="max-w-0 px-2 pt-1.5">
                  {/* The reason stays in sight however wide the row is. */}
                  <div className="sticky left-20 flex w-[calc(100cqw-6.5rem)] flex-wrap items-baseline gap-x-3 text-xs">
                    <span className="min-w-0 font-medium break-words text-bad-text">
                      <Visible text={reject.column ? `${reject.column}: ${reject.reason}` : reject.reason} />
                    </span>
                    {done && (
                      <span className="shrink-0 text-muted">
                        sent again with <TextLink to={`/runs/${reject.reloaded_by ?? 0}`}>run {reject.reloaded_by}</TextLink>
                      </span>
                    )}
                    {again && (toBigInt(again.rows_rejected) ?? 0n) > 0n && (
                      <span className="min-w-0 break-words">
                        <TextLink to={`/runs/${again.id}/rejects`}>{plural(again.rows_rejected, 'row')} {again.rows_rejected === 1 ? 'was' : 'were'} refused again – correct {again.rows_rejected === 1 ? 'it' : 'them'} there</TextLink>
                      </span>
                    )}
                  </div>
                  <div className="truncate text-2xs text-muted">
                    <RawLine reject={reject} width={width} />
                  </div>
                </td>
              </tr>
              <tr aria-rowindex={item.index * 2 + 3} className={tint} style={{ height: cellsHeight }}>
                {columns.map((column, i) => {
                  const fault = reject.field_index === i
                  const changed = cells[i] !== read[i]
                  const look = cn('h-7 w-full min-w-0 rounded border bg-surface px-1.5 font-mono text-xs', changed ? 'border-accent' : fault ? 'border-bad bg-bad-soft' : 'border-line hover:border-line-strong')
                  return (
                    <td key={i} className="border-b border-line px-1 py-1 align-top">
                      {editable && !done ? (
                        <span className="relative block">
                          <input
                            data-cell={`${item.index}.${i}`}
                            aria-label={`${column}, line ${reject.line}`}
                            aria-invalid={(fault && !changed) || undefined}
                            value={cells[i]}
                            spellCheck={false}
                            onChange={(event) => onCell(reject, i, event.target.value)}
                            onKeyDown={(event) => keyDown(event, item.index, i, reject)}
                            title={changed ? `Read as “${read[i] ?? ''}”` : undefined}
                            className={look}
                          />
                          <HiddenIn text={cells[i] ?? ''} className="absolute top-1.5 right-1" />
                        </span>
                      ) : (
                        <span className={cn('block truncate px-1.5 py-1 font-mono text-xs', fault && 'rounded bg-bad-soft text-bad-text ring-1 ring-bad/40')} title={read[i]}>
                          {read[i] === '' ? <span className="text-faint">empty</span> : <Visible text={read[i] ?? ''} />}
                        </span>
                      )}
                    </td>
                  )
                })}
              </tr>
            </tbody>
          )
        })}
        {after > 0 && (
          <tbody aria-hidden>
            <tr>
              <td colSpan={width + 1} style={{ height: after }} />
            </tr>
          </tbody>
        )}
      </table>
    </div>
  )
}
