import { ArrowLeft, ArrowRight, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Column, Metadata } from '@/shared/api/model'
import { Badge, Button, Card, Facts, Select, Visible } from '@/shared/components'
import { formatCount, formatShare } from '@/shared/lib/format'
import { HistogramCard, TopValues } from './charts'
import { lookOfType, shareOf } from './column-look'
import type { Histogram, SourcePatch } from './queries'
import { TypeChoices } from './type-choices'

/** Everything that is known of a column, and which other types hold it. */
export function ColumnCard({ file, index, onChoose, histogram, sampled, onCorrect, correcting }: {
  file: Metadata
  index: number
  onChoose: (column: number) => void
  histogram?: { data: Histogram; rows: number; complete: boolean }
  /** Only the first part of the file was looked at. */
  sampled: boolean
  onCorrect: (change: SourcePatch) => Promise<unknown>
  correcting: boolean
}) {
  const column = file.columns[index]
  if (!column) return null
  const { icon: Icon } = lookOfType(column.type)
  const corrected = file.overrides?.types?.[column.name] !== undefined
  const count = file.columns.length
  return (
    <Card
      title={`Column ${index + 1} of ${formatCount(count)}`}
      aria-label={`Column ${column.name}`}
      actions={
        <div className="flex items-center">
          <Button size="icon-sm" variant="ghost" aria-label="Column before" disabled={index === 0} onClick={() => onChoose(index - 1)}>
            <ArrowLeft aria-hidden />
          </Button>
          <Button size="icon-sm" variant="ghost" aria-label="Next column" disabled={index === count - 1} onClick={() => onChoose(index + 1)}>
            <ArrowRight aria-hidden />
          </Button>
        </div>
      }
    >
      <div className="grid gap-5" data-testid="column-card">
        <Select aria-label="Column" className="font-medium" value={index} onChange={(event) => onChoose(Number(event.target.value))}>
          {file.columns.map((each, i) => (
            <option key={i} value={i}>
              {each.name} · {each.type}
            </option>
          ))}
        </Select>
        <section aria-label="Type">
          <div className="flex flex-wrap items-center gap-2">
            <Badge tone="accent" icon={Icon}>
              {column.type}
            </Badge>
            {column.format && <Badge>written {column.format}</Badge>}
            {corrected ? <Badge tone="warn">corrected</Badge> : <Confidence value={column.confidence} />}
          </div>
          {column.evidence.length > 0 && (
            <ul className="mt-2 list-disc space-y-0.5 pl-4 text-xs text-muted marker:text-faint">
              {column.evidence.map((each) => (
                <li key={each} className="break-words">
                  {each}
                </li>
              ))}
            </ul>
          )}
          {column.counter_example && (
            <p className="mt-2 text-xs text-muted">
              No narrower type: <code className="rounded bg-sunken px-1 font-mono text-text">{column.counter_example.value}</code> at line {formatCount(column.counter_example.line)}.
            </p>
          )}
          {column.ambiguous && <Ambiguous formats={column.ambiguous} onCorrect={onCorrect} busy={correcting} />}
        </section>
        {histogram && histogram.data.bins.length > 1 && <HistogramCard column={column} histogram={histogram.data} rows={histogram.rows} complete={histogram.complete} />}
        <Figures column={column} sampled={sampled} />
        <TopValues column={column} />
        <TypeChoices key={column.name} file={file} column={column} onCorrect={onCorrect} correcting={correcting} />
      </div>
    </Card>
  )
}

function Confidence({ value }: { value: number }) {
  const tone = value >= 0.95 ? 'bg-ok' : value >= 0.7 ? 'bg-warn' : 'bg-bad'
  return (
    <span className="inline-flex items-center gap-1.5 text-xs text-muted" title="How sure the inspection is of this type">
      <span aria-hidden data-bar className="h-1.5 w-14 overflow-hidden rounded-full bg-line">
        <span className={`block h-full ${tone}`} style={{ width: `${value * 100}%` }} />
      </span>
      {formatShare(value)} sure
    </span>
  )
}

const orders: Record<string, 'dmy' | 'mdy' | 'ymd'> = { DD: 'dmy', MM: 'mdy', YY: 'ymd' }

function Ambiguous({ formats, onCorrect, busy }: { formats: string[]; onCorrect: (change: SourcePatch) => Promise<unknown>; busy: boolean }) {
  return (
    <div className="mt-3 rounded-md border border-warn/40 bg-warn-soft p-3 text-xs">
      <p className="flex gap-1.5 font-medium text-warn-text">
        <TriangleAlert aria-hidden className="size-4 shrink-0" />
        Every value fits {formats.length} formats that mean different things. Choose one for the file:
      </p>
      <div className="mt-2 flex flex-wrap gap-1.5">
        {formats.map((format) => {
          const order = orders[format.slice(0, 2).toUpperCase()]
          return order ? (
            <Button key={format} size="sm" busy={busy} onClick={() => void onCorrect({ date_order: order })}>
              {format}
            </Button>
          ) : (
            <Badge key={format}>{format}</Badge>
          )
        })}
      </div>
    </div>
  )
}

function Figures({ column, sampled }: { column: Column; sampled: boolean }) {
  const { statistics } = column
  const nulls = shareOf(statistics.nulls, statistics)
  const mono = (value: string | null): ReactNode => (value === null ? '–' : <span className="font-mono text-xs break-all"><Visible text={value.length > 80 ? `${value.slice(0, 80)}…` : value} /></span>)
  const items = [
    { name: 'Rows', value: `${formatCount(statistics.rows)}${sampled ? ' so far' : ''}` },
    {
      name: 'Nulls',
      value: (
        <span className="flex items-center gap-2">
          <span className="tabular">
            {formatCount(statistics.nulls)} <span className="text-muted">({formatShare(nulls)})</span>
          </span>
          <span aria-hidden data-bar className="h-1.5 w-14 shrink-0 overflow-hidden rounded-full bg-line" title={`${formatShare(1 - nulls)} have a value`}>
            <span className="block h-full bg-accent" style={{ width: `${nulls * 100}%` }} />
          </span>
        </span>
      ),
    },
    ...Object.entries(statistics.null_word_counts ?? {}).map(([word, times]) => ({ name: <span className="pl-3">as “{word}”</span>, value: formatCount(times) })),
    ...(statistics.empty > 0 ? [{ name: 'Empty texts', value: formatCount(statistics.empty) }] : []),
    { name: 'Distinct', value: `${statistics.distinct_exact ? '' : '≈ '}${formatCount(statistics.distinct)}` },
    { name: 'Smallest', value: mono(statistics.min) },
    { name: 'Largest', value: mono(statistics.max) },
    ...(statistics.mean === null ? [] : [{ name: 'Mean', value: <span className="font-mono text-xs">{statistics.mean.toLocaleString('en-US', { maximumFractionDigits: 4 })}</span> }]),
    { name: 'Length', value: statistics.min_length === statistics.max_length ? formatCount(statistics.max_length) : `${formatCount(statistics.min_length)} – ${formatCount(statistics.max_length)}, mean ${statistics.mean_length.toFixed(1)}` },
  ]
  return <Facts items={items} className="gap-x-4 gap-y-1.5 text-xs" />
}
