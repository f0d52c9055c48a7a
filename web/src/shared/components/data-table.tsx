import { createSortedRowModel, rowSortingFeature, sortFn_alphanumeric, sortFn_basic, tableFeatures, useTable, type ColumnDef, type SortingState } from '@tanstack/react-table'
import { ArrowDown, ArrowUp, ChevronsUpDown } from 'lucide-react'
import { useMemo, useRef, useState, type ReactNode } from 'react'
import { cn } from '../lib/cn'
import { useShortcut } from '../lib/shortcuts'
import { Skeleton } from './skeleton'

/** A column of a DataTable. */
export interface DataColumn<T> {
  id: string
  header: string
  cell: (row: T) => ReactNode
  /** What to sort by; without it the column is not sortable. */
  sort?: (row: T) => string | number | bigint | null | undefined
  align?: 'left' | 'right'
  /** CSS width, as "8rem"; without it the column takes what its content needs. */
  width?: string
  /** From which width of the window on it shows. */
  from?: 'sm' | 'md' | 'lg' | 'xl'
  className?: string
}

const shows = { sm: 'max-sm:hidden', md: 'max-md:hidden', lg: 'max-lg:hidden', xl: 'max-xl:hidden' }
const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
})

/**
 * A table of rows, with real table semantics. The first link of each row is its main one: j and k
 * go from row to row, Enter opens. For very long lists page by cursor and put the button into
 * `footer`.
 */
export function DataTable<T extends object>({ caption, columns, rows, rowKey, loading, empty, footer, rowClassName, selected }: {
  /** Names the table for screen readers. */
  caption: string
  columns: DataColumn<T>[]
  rows: T[]
  rowKey: (row: T) => string | number
  loading?: boolean
  /** Shown instead of rows where there are none. */
  empty?: ReactNode
  footer?: ReactNode
  rowClassName?: (row: T) => string | undefined
  selected?: (row: T) => boolean
}) {
  const [sorting, setSorting] = useState<SortingState>([])
  const definitions = useMemo(
    () =>
      columns.map(
        (column): ColumnDef<typeof features, T> => ({
          id: column.id,
          header: column.header,
          accessorFn: column.sort ?? (() => null),
          enableSorting: Boolean(column.sort),
          sortFn: 'basic',
          sortUndefined: 'last',
        }),
      ),
    [columns],
  )
  const table = useTable({ features, columns: definitions, data: rows, state: { sorting }, onSortingChange: setSorting, getRowId: (row) => String(rowKey(row)) })
  const body = useRef<HTMLTableSectionElement>(null)
  const move = (step: number) => {
    const links = [...(body.current?.querySelectorAll<HTMLElement>('tr') ?? [])].map((row) => row.querySelector<HTMLElement>('a[href],button')).filter((link) => link !== null)
    const at = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement))
    links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))]?.focus()
  }
  useShortcut('j', 'Next row', 'Lists', () => move(1), rows.length > 0)
  useShortcut('k', 'Row before', 'Lists', () => move(-1), rows.length > 0)

  if (!loading && rows.length === 0 && empty) return <>{empty}</>
  return (
    <div className="overflow-x-auto">
      <table className="w-full border-collapse text-sm" aria-busy={loading || undefined}>
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line bg-sunken">
            {columns.map((column) => {
              const state = table.getColumn(column.id)
              const sorted = state?.getIsSorted() ?? false
              const Icon = sorted === 'asc' ? ArrowUp : sorted === 'desc' ? ArrowDown : ChevronsUpDown
              return (
                <th
                  key={column.id}
                  scope="col"
                  aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : undefined}
                  style={{ width: column.width }}
                  className={cn('h-8 px-3 text-left text-xs font-medium whitespace-nowrap text-muted first:pl-4 last:pr-4', column.align === 'right' && 'text-right', column.from && shows[column.from])}
                >
                  {column.sort ? (
                    <button type="button" onClick={state?.getToggleSortingHandler()} className={cn('-mx-1 inline-flex h-6 items-center gap-1 rounded px-1 hover:text-text', column.align === 'right' && 'flex-row-reverse')}>
                      {column.header}
                      <Icon aria-hidden className={cn('size-3', sorted ? 'text-accent-text' : 'opacity-50')} />
                    </button>
                  ) : (
                    column.header
                  )}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {loading && rows.length === 0
            ? Array.from({ length: 6 }, (_, i) => (
                <tr key={i} className="h-10 border-b border-line last:border-0">
                  {columns.map((column) => (
                    <td key={column.id} className={cn('px-3 first:pl-4 last:pr-4', column.from && shows[column.from])}>
                      <Skeleton className="h-3.5 w-3/4" />
                    </td>
                  ))}
                </tr>
              ))
            : table.getRowModel().rows.map(({ id, original }) => (
                <tr
                  key={id}
                  aria-selected={selected?.(original) || undefined}
                  className={cn('h-10 border-b border-line transition-colors last:border-0 focus-within:bg-accent-soft/60 hover:bg-hover/60 aria-selected:bg-accent-soft', rowClassName?.(original))}
                >
                  {columns.map((column) => (
                    <td key={column.id} className={cn('px-3 py-1.5 first:pl-4 last:pr-4', column.align === 'right' && 'tabular text-right', column.from && shows[column.from], column.className)}>
                      {column.cell(original)}
                    </td>
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
      {footer && <div className="flex items-center justify-center border-t border-line px-4 py-2 empty:hidden">{footer}</div>}
    </div>
  )
}
