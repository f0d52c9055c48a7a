import { ChartColumn, Table2 } from 'lucide-react'
import { Suspense, useState, type ReactNode } from 'react'
import { Button } from './button'
import { Card } from './card'
import { DataTable, type DataColumn } from './data-table'
import { Skeleton } from './skeleton'

/** A chart with the same figures as a table a press away. The chart is loaded lazily by the caller. */
export function ChartFrame<T extends object>({ title, description, summary, columns, rows, rowKey, children, className, actions }: {
  title: string
  description?: ReactNode
  /** What the chart shows, for those who do not see it. */
  summary: string
  columns: DataColumn<T>[]
  rows: T[]
  rowKey: (row: T) => string | number
  children: ReactNode
  className?: string
  actions?: ReactNode
}) {
  const [table, setTable] = useState(false)
  return (
    <Card
      title={title}
      description={description}
      className={className}
      flush={table}
      actions={
        <>
          {actions}
          <Button variant="ghost" size="sm" aria-pressed={table} onClick={() => setTable(!table)}>
            {table ? <ChartColumn aria-hidden /> : <Table2 aria-hidden />}
            {table ? 'View as chart' : 'View as table'}
          </Button>
        </>
      }
    >
      {table ? (
        <div className="h-64 overflow-y-auto" tabIndex={0} role="region" aria-label={title}>
          <DataTable caption={title} columns={columns} rows={rows} rowKey={rowKey} />
        </div>
      ) : (
        <figure className="h-56">
          <figcaption className="sr-only">{summary}</figcaption>
          <div aria-hidden className="h-full">
            <Suspense fallback={<Skeleton className="h-full" />}>{children}</Suspense>
          </div>
        </figure>
      )}
    </Card>
  )
}
