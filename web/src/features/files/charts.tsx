import { ChartColumn, Table2 } from 'lucide-react'
import { useState } from 'react'
import type { Column } from '@/shared/api/model'
import { Button, Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCompact, formatCount, formatShare, plural } from '@/shared/lib/format'
import { shareOf } from './column-look'
import type { Histogram } from './queries'

type Bins = Histogram['bins']

/** Bars side by side that fill their box; bins without values leave a gap. */
function Bars({ bins, className }: { bins: Bins; className?: string }) {
  const most = Math.max(1, ...bins.map((bin) => bin.count))
  const wide = 10
  return (
    <svg aria-hidden viewBox={`0 0 ${bins.length * wide} 100`} preserveAspectRatio="none" className={className}>
      {bins.map((bin, i) => {
        const height = bin.count === 0 ? 0 : Math.max(4, (bin.count / most) * 100)
        return (
          <rect key={i} x={i * wide + 0.75} width={wide - 1.5} y={100 - height} height={height} className="fill-accent">
            <title>{`${bin.from} – ${bin.to}: ${formatCount(bin.count)}`}</title>
          </rect>
        )
      })}
    </svg>
  )
}

const tints = ['bg-accent', 'bg-accent/75', 'bg-accent/55', 'bg-accent/40', 'bg-accent/30']

/** A column at a glance in the head of the grid: how its values are spread. The column's card has the figures. */
export function Glance({ column, histogram }: { column: Column; histogram?: Histogram }) {
  const { statistics } = column
  if (histogram && histogram.bins.length > 1) return <Bars bins={histogram.bins} className="h-5 w-full opacity-80" />
  const top = statistics.top_values.slice(0, tints.length).map((each) => shareOf(each.count, statistics))
  const known = top.reduce((sum, each) => sum + each, 0)
  if (statistics.distinct <= 1 || known < 0.15) {
    return (
      <span className="block truncate text-2xs leading-5 font-normal text-muted">
        {statistics.rows > 0 && statistics.distinct === statistics.rows - statistics.nulls && statistics.distinct > 1 ? 'all different' : `${formatCompact(statistics.distinct)} distinct`}
      </span>
    )
  }
  return (
    <span aria-hidden className="flex h-5 items-center gap-px">
      {top.map((each, i) => (
        <span key={i} className={cn('h-2 min-w-px first:rounded-l-sm last:rounded-r-sm', tints[i])} style={{ width: `${each * 100}%` }} />
      ))}
    </span>
  )
}

/** How a column's numbers or times are spread, with the same figures as a table a press away. */
export function HistogramCard({ histogram, complete, rows, column: { statistics } }: { histogram: Histogram; complete: boolean; rows: number; column: Column }) {
  const [table, setTable] = useState(false)
  const { bins, column } = histogram
  const first = bins[0]
  const last = bins.at(-1)
  if (!first || !last) return null
  // The steps end at round numbers; the values do not. Of a part of the rows only the steps are known.
  const smallest = (complete ? statistics.min : null) ?? first.from
  const largest = (complete ? statistics.max : null) ?? last.to
  const most = Math.max(...bins.map((bin) => bin.count))
  return (
    <section aria-label={`Spread of ${column}`}>
      <div className="mb-1 flex items-center justify-between gap-2">
        <h3 className="text-xs font-semibold">Spread</h3>
        <Button variant="ghost" size="sm" aria-pressed={table} onClick={() => setTable(!table)} className="-mr-2">
          {table ? <ChartColumn aria-hidden /> : <Table2 aria-hidden />}
          {table ? 'View as chart' : 'View as table'}
        </Button>
      </div>
      {table ? (
        <div className="max-h-52 overflow-y-auto rounded-md border border-line" tabIndex={0} role="region" aria-label={`Spread of ${column} as a table`}>
          <table className="w-full text-xs">
            <thead>
              <tr className="sticky top-0 bg-sunken text-left text-muted">
                <th scope="col" className="px-2 py-1 font-medium">
                  From
                </th>
                <th scope="col" className="px-2 py-1 font-medium">
                  To
                </th>
                <th scope="col" className="px-2 py-1 text-right font-medium">
                  Rows
                </th>
              </tr>
            </thead>
            <tbody>
              {bins.map((bin) => (
                <tr key={bin.from} className="border-t border-line">
                  <td className="px-2 py-1 font-mono">{bin.from}</td>
                  <td className="px-2 py-1 font-mono">{bin.to}</td>
                  <td className="tabular px-2 py-1 text-right">{formatCount(bin.count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <figure>
          <figcaption className="sr-only">
            {plural(rows, 'row')} from {smallest} to {largest}; at most {formatCount(most)} in one of {bins.length} steps.
          </figcaption>
          <Bars bins={bins} className="h-24 w-full border-b border-line-strong" />
          <div aria-hidden className="mt-1 flex justify-between gap-3 font-mono text-2xs text-muted">
            <span className="truncate">{smallest}</span>
            <span className="truncate">{largest}</span>
          </div>
        </figure>
      )}
      {!complete && <p className="mt-1 text-2xs text-muted">Of the first {plural(rows, 'row')}.</p>}
    </section>
  )
}

/** The values that come most often, with their share. */
export function TopValues({ column }: { column: Column }) {
  const { statistics, name } = column
  const [all, setAll] = useState(false)
  const values = all ? statistics.top_values : statistics.top_values.slice(0, 6)
  const most = Math.max(1, ...values.map((each) => each.count))
  if (values.length === 0 || most === 1) return null
  return (
    <section aria-label={`Most frequent values of ${name}`}>
      <h3 className="mb-1.5 text-xs font-semibold">
        Most frequent <span className="font-normal text-muted">{!statistics.top_exact && '(estimated)'}</span>
      </h3>
      <table className="w-full table-fixed text-xs">
        <thead className="sr-only">
          <tr>
            <th scope="col">Value</th>
            <th scope="col">Rows</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {values.map((each) => (
            <tr key={each.value}>
              <td className="relative py-px">
                <span aria-hidden data-bar className="absolute inset-y-0.5 left-0 rounded bg-accent-soft" style={{ width: `${(each.count / most) * 100}%` }} />
                <span className="relative block truncate px-1.5 py-1 font-mono" title={each.value}>
                  {each.value === '' ? <em className="text-muted">empty</em> : <Visible text={each.value} />}
                </span>
              </td>
              <td className="tabular w-16 text-right">{formatCompact(each.count)}</td>
              <td className="tabular w-14 text-right text-muted">{formatShare(shareOf(each.count, statistics))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {statistics.top_values.length > 6 && (
        <Button variant="ghost" size="sm" className="mt-1 -ml-2" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show ${statistics.top_values.length}`}
        </Button>
      )}
    </section>
  )
}
