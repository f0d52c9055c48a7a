import { memo } from 'react'
import type { Column } from '@/shared/api/model'
import { Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatShare } from '@/shared/lib/format'
import { Glance } from './charts'
import { lookOfType, shareOf } from './column-look'
import type { Histogram } from './queries'

/** The row of the head, among rows counted from 0. */
export const headRow = -1

/** A column's name, type, share of nulls and spread above its values. */
export const HeadCell = memo(function HeadCell({ index, column, histogram, width, before, chosen, active }: {
  index: number
  column: Column
  histogram?: Histogram
  /** In pixels. */
  width: number
  /** Width of the columns left of it that are not drawn. */
  before: number
  chosen: boolean
  active: boolean
}) {
  const { icon: Icon } = lookOfType(column.type)
  const nulls = shareOf(column.statistics.nulls, column.statistics)
  return (
    <th
      id={`head-${index}`}
      role="columnheader"
      scope="col"
      aria-colindex={index + 2}
      aria-selected={chosen}
      data-row={headRow}
      data-column={index}
      title={`${column.name}: ${column.type}`}
      style={{ width, marginLeft: before || undefined }}
      className={cn(
        'relative flex shrink-0 cursor-pointer flex-col justify-between gap-0.5 overflow-hidden border-r border-line px-2.5 py-1.5 text-left font-normal hover:bg-hover',
        chosen && 'bg-accent-soft before:absolute before:inset-x-0 before:top-0 before:h-0.5 before:bg-accent',
        active && 'outline-2 -outline-offset-2 outline-accent',
      )}
    >
      <span className="block truncate text-xs font-semibold">
        <Visible text={column.name} />
      </span>
      <span className="flex items-center gap-1 text-2xs text-muted">
        <Icon aria-hidden className="size-3 shrink-0 text-accent-text" />
        <span className="truncate">{column.type}</span>
        {nulls > 0 && <span className="tabular ml-auto shrink-0">{formatShare(nulls)} null</span>}
      </span>
      <Glance column={column} histogram={histogram} />
    </th>
  )
})
