import { CircleX } from 'lucide-react'
import { memo } from 'react'
import { Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount } from '@/shared/lib/format'
import type { FileRow } from './use-rows'

/** A column as the grid lays it out. */
export interface Slot {
  index: number
  name: string
  /** In pixels. */
  width: number
  right: boolean
}

/** Line breaks and tabs as signs: a row is one line. */
export function inline(value: string): string {
  const short = value.length > 400 ? `${value.slice(0, 400)}…` : value
  return short.replaceAll(/\r\n|[\r\n]/g, '↵').replaceAll('\t', '⇥')
}

export function Cell({ value }: { value: string | null | undefined }) {
  if (value === null) return <span className="text-faint italic">NULL</span>
  if (value === undefined) return null
  if (value === '') return <span className="text-faint italic">empty</span>
  return <Visible text={inline(value)} />
}

interface Props {
  index: number
  row: FileRow | undefined
  top: number
  height: number
  gutter: number
  /** Width of the columns left of the first that is drawn. */
  before: number
  slots: readonly Slot[]
  chosen: number
  /** The active cell's column, where it is in this row. */
  active: number
}

/** One row of the grid. It is drawn anew only when something of it changes. */
export const GridRow = memo(function GridRow({ index, row, top, height, gutter, before, slots, chosen, active }: Props) {
  return (
    <tr
      role="row"
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${top}px)`, height }}
      className={cn('absolute top-0 left-0 flex w-full', row?.bad ? 'bg-bad-soft' : index % 2 ? 'bg-sunken' : 'bg-surface')}
    >
      <th
        role="rowheader"
        scope="row"
        title={row?.bad?.reason}
        style={{ width: gutter }}
        className={cn('sticky left-0 z-10 flex shrink-0 items-center gap-2 border-r border-line bg-inherit px-2 font-mono text-2xs font-normal', row?.bad && 'text-bad-text')}
      >
        <span className="tabular flex-1 text-right text-muted">
          {row?.bad && <CircleX aria-label={`Unreadable: ${row.bad.reason}`} className="float-left mt-0.5 size-3 text-bad-text" />}
          {formatCount(index + 1)}
        </span>
        <span className="tabular flex-1 text-right text-faint">{row ? formatCount(row.line) : ''}</span>
      </th>
      {slots.map((slot, i) => (
        <td
          key={slot.index}
          id={`cell-${index}-${slot.index}`}
          role="gridcell"
          aria-colindex={slot.index + 2}
          data-row={index}
          data-column={slot.index}
          style={{ width: slot.width, marginLeft: i === 0 ? before : undefined }}
          className={cn(
            'block shrink-0 truncate border-r border-line/60 px-2.5 font-mono text-xs leading-7',
            slot.right && 'text-right',
            chosen === slot.index && 'bg-accent-soft/50',
            active === slot.index && 'outline-2 -outline-offset-2 outline-accent',
          )}
        >
          {row ? <Cell value={row.cells[slot.index]} /> : <span aria-hidden className="inline-block h-2 w-3/5 rounded-full bg-hover" />}
        </td>
      ))}
    </tr>
  )
})
