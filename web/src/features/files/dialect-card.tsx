import { useInfiniteQuery } from '@tanstack/react-query'
import { ChevronDown, RotateCcw } from 'lucide-react'
import { useId, useRef, useState, type ChangeEvent, type ComponentProps, type ReactNode } from 'react'
import type { Metadata } from '@/shared/api/model'
import { itemsOf, jobsQuery } from '@/shared/api/queries'
import { Badge, Button, Card, ErrorPanel, Input, Select, TextLink } from '@/shared/components'
import { ZoneList } from '@/shared/components/zone-list'
import { cn } from '@/shared/lib/cn'
import { formatShare, plural } from '@/shared/lib/format'
import type { DialectOverrides, SourcePatch } from './queries'

type Options = [value: string, label: string][]

const encodings = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'iso-8859-1', 'iso-8859-15', 'windows-1250', 'windows-1251', 'shift_jis', 'euc-jp', 'gb18030', 'big5', 'euc-kr']
const delimiters: Options = [
  [',', 'Comma  ,'],
  [';', 'Semicolon  ;'],
  ['\t', 'Tab  ⇥'],
  ['|', 'Pipe  |'],
  [':', 'Colon  :'],
  [' ', 'Space'],
]
const quotes: Options = [
  ['"', 'Double  "'],
  ["'", 'Single  \''],
  ['', 'None'],
]
const headers: Options = [
  ['0', 'No header'],
  ['1', '1 row'],
  ['2', '2 rows'],
  ['3', '3 rows'],
]
const escapes: Options = [
  ['', 'Doubled quotes'],
  ['\\', 'Backslash  \\'],
]
const comments: Options = [
  ['', 'None'],
  ['#', 'Lines with  #'],
  [';', 'Lines with  ;'],
  ['%', 'Lines with  %'],
]
const newlines: Options = [
  ['lf', 'LF (Unix)'],
  ['crlf', 'CRLF (Windows)'],
  ['cr', 'CR (old Mac)'],
]
const yesNo: Options = [
  ['false', 'Kept'],
  ['true', 'Dropped'],
]
const dateOrders: Options = [
  ['', 'As found'],
  ['dmy', 'Day, month, year'],
  ['mdy', 'Month, day, year'],
  ['ymd', 'Year, month, day'],
]
const decimals: Options = [
  ['', 'As found'],
  ['point', 'Point  1,234.56'],
  ['comma', 'Comma  1.234,56'],
]

/** Takes every correction back. */
const asFound: SourcePatch = { encoding: null, dialect: {}, types: null, null_values: null, date_order: null, decimal: null, timezone: null }

/** How a file is read, each choice at once and with its reason. What is chosen here holds for the jobs that load it. */
export function DialectCard({ file, onCorrect, correcting, error }: { file: Metadata; onCorrect: (change: SourcePatch) => Promise<unknown>; correcting: boolean; error: unknown }) {
  const { dialect, overrides } = file
  const [more, setMore] = useState(false)
  const given = overrides?.dialect ?? {}
  const jobs = itemsOf(useInfiniteQuery(jobsQuery({ file_id: file.file_id })).data)
  const set = (change: DialectOverrides) => void onCorrect({ dialect: { ...given, ...change } })
  const byHand = Object.keys(overrides ?? {}).length > 0
  const nulls = [...new Set(file.columns.flatMap((each) => each.null_values ?? []))].filter(Boolean)
  const why = (what: string) => file.decisions.find((each) => each.what === what)
  const pick = (what: string, label: string, value: string, options: Options, onChange: (value: string) => void, by?: boolean) => (
    <Pick key={what} label={label} value={value} options={options} onChange={onChange} corrected={by} reason={why(what)} />
  )
  return (
    <Card
      title="How it is read"
      description={
        <span role="status">{correcting ? 'Reading it anew …' : byHand ? 'Corrected by hand. The rows below are read so.' : 'Found out from the file. Correct what is wrong; the rows below follow at once.'}</span>
      }
      actions={
        <>
          {byHand && (
            <Button size="sm" variant="ghost" busy={correcting} onClick={() => void onCorrect(asFound)}>
              <RotateCcw aria-hidden />
              Back to what was found
            </Button>
          )}
          <Button size="sm" variant="ghost" aria-expanded={more} onClick={() => setMore(!more)}>
            <ChevronDown aria-hidden className={cn('transition-transform', more && 'rotate-180')} />
            {more ? 'Fewer' : 'More and why'}
          </Button>
        </>
      }
    >
      <div className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-5">
        {pick('encoding', 'Encoding', file.encoding, encodings.map((each) => [each, each]), (encoding) => void onCorrect({ encoding }), overrides?.encoding !== undefined)}
        {pick('delimiter', 'Delimiter', dialect.delimiter, delimiters, (delimiter) => set({ delimiter }), given.delimiter !== undefined)}
        {pick('quote', 'Quote', dialect.quote, quotes, (quote) => set({ quote }), given.quote !== undefined)}
        {pick('header', 'Header', String(dialect.header_rows), headers, (rows) => set({ header: undefined, header_rows: Number(rows) }), given.header_rows !== undefined || given.header !== undefined)}
        <Typed key={`lines ${dialect.skip_lines}`} label="Skip lines" type="number" min={0} max={1_000_000} value={String(dialect.skip_lines)} corrected={given.skip_lines !== undefined} reason={why('skip_lines')} fits={isLines} onChange={(lines) => set({ skip_lines: Number(lines) })} />
        {more && (
          <>
            {pick('escape', 'Quotes within quotes', dialect.escape, escapes, (escape) => set({ escape }), given.escape !== undefined)}
            {pick('comment', 'Comments', dialect.comment, comments, (comment) => set({ comment }), given.comment !== undefined)}
            {pick('newline', 'Line ends', dialect.newline.toLowerCase(), newlines, (newline) => set({ newline: newline as DialectOverrides['newline'] }), given.newline !== undefined)}
            {pick('skip_initial_space', 'Space after a delimiter', String(dialect.skip_initial_space), yesNo, (value) => set({ skip_initial_space: value === 'true' }), given.skip_initial_space !== undefined)}
            {pick('trailing_delimiter', 'Delimiter at line ends', String(dialect.trailing_delimiter), yesNo, (value) => set({ trailing_delimiter: value === 'true' }), given.trailing_delimiter !== undefined)}
            {pick('date_order', 'Order of dates', overrides?.date_order ?? '', dateOrders, (order) => void onCorrect({ date_order: order as SourcePatch['date_order'] }), overrides?.date_order !== undefined)}
            {pick('decimal', 'Decimal sign', overrides?.decimal ?? '', decimals, (sign) => void onCorrect({ decimal: sign as SourcePatch['decimal'] }), overrides?.decimal !== undefined)}
            <div className={cn(overrides?.timezone !== undefined && 'col-span-2 sm:col-span-1')}>
              <Typed key={`zone ${overrides?.timezone ?? ''}`} label="Time zone" list="zones" autoComplete="off" spellCheck={false} placeholder="UTC" value={overrides?.timezone ?? ''} corrected={overrides?.timezone !== undefined} fits={(zone) => zone === '' || zone.trim() !== ''} onChange={(zone) => void onCorrect({ timezone: zone.trim() })}>
                {overrides?.timezone !== undefined && (
                  <Button size="icon" variant="ghost" busy={correcting} aria-label="Time zone as found" title="As found" onClick={() => void onCorrect({ timezone: null })}>
                    <RotateCcw aria-hidden />
                  </Button>
                )}
              </Typed>
            </div>
            <ZoneList />
            <div className="col-span-2">
              <Typed
                key={`nulls ${overrides?.null_values?.join() ?? ''}`}
                label="Words that mean NULL, with commas between"
                autoComplete="off"
                spellCheck={false}
                placeholder={overrides?.null_values ? 'No word' : nulls.length > 0 ? `As found: ${nulls.join(', ')}` : 'As found: none'}
                value={overrides?.null_values?.join(', ') ?? ''}
                corrected={overrides?.null_values !== undefined}
                fits={(text) => text === '' || (wordsOf(text).length > 0 && wordsOf(text).length <= 255)}
                onChange={(text) => void onCorrect({ null_values: wordsOf(text) })}
              >
                {overrides?.null_values ? (
                  <Button variant="ghost" busy={correcting} aria-label="NULL words as found" onClick={() => void onCorrect({ null_values: null })}>
                    <RotateCcw aria-hidden />
                    As found
                  </Button>
                ) : (
                  nulls.length > 0 && (
                    <Button variant="ghost" busy={correcting} onClick={() => void onCorrect({ null_values: [''] })}>
                      No word
                    </Button>
                  )
                )}
              </Typed>
            </div>
          </>
        )}
      </div>
      {more && <Reasons file={file} />}
      {error !== null && error !== undefined && <ErrorPanel error={error} className="mt-4" />}
      {jobs.length > 0 && (
        <p className="mt-3 text-xs text-muted">
          {plural(jobs.length, 'job loads', 'jobs load')} this file and {jobs.length === 1 ? 'reads' : 'read'} it as is said here, from the next run on:{' '}
          {jobs.slice(0, 5).map((job, i) => (
            <span key={job.id}>
              {i > 0 && ', '}
              <TextLink to={`/jobs/${job.id}`}>{job.name}</TextLink>
            </span>
          ))}
          {jobs.length > 5 && ` and ${jobs.length - 5} more`}.
        </p>
      )}
    </Card>
  )
}

type Reason = Metadata['decisions'][number] | undefined

function Labelled({ label, corrected, reason, children }: { label: string; corrected?: boolean; reason: Reason; children: (id: string) => ReactNode }) {
  const id = useId()
  return (
    <div className="min-w-0" title={corrected ? 'Corrected by hand' : reason && `${reason.evidence.join('; ')} (${formatShare(reason.confidence)} sure)`}>
      <label htmlFor={id} className="mb-1 flex items-center gap-1.5 text-xs text-muted">
        {label}
        {corrected && <span className="rounded bg-warn-soft px-1 text-2xs font-medium text-warn-text">corrected</span>}
        {!corrected && reason && reason.confidence < 0.7 && <span className="rounded bg-warn-soft px-1 text-2xs font-medium text-warn-text">{formatShare(reason.confidence)} sure</span>}
      </label>
      {children(id)}
    </div>
  )
}

function Pick({ label, value, options, onChange, corrected, reason }: { label: string; value: string; options: Options; onChange: (value: string) => void; corrected?: boolean; reason: Reason }) {
  const known = options.some(([each]) => each === value)
  return (
    <Labelled label={label} corrected={corrected} reason={reason}>
      {(id) => (
        <Select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
          {!known && <option value={value}>{value || 'None'}</option>}
          {options.map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </Select>
      )}
    </Labelled>
  )
}

/** A field that is taken over by Enter and by leaving it, with buttons beside it. */
function Typed({ label, value, corrected, reason, fits, onChange, children, ...rest }: Omit<ComponentProps<'input'>, 'value' | 'onChange'> & { label: string; value: string; corrected?: boolean; reason?: Reason; fits: (text: string) => boolean; onChange: (text: string) => void }) {
  const [text, setText] = useState(value)
  const good = text === value || fits(text)
  // Enter and leaving the field are one wish.
  const sent = useRef(value)
  const commit = () => {
    if (!good || text === sent.current) return
    sent.current = text
    onChange(text)
  }
  const typed = (event: ChangeEvent<HTMLInputElement>) => {
    sent.current = value
    setText(event.target.value)
  }
  return (
    <Labelled label={label} corrected={corrected} reason={reason}>
      {(id) => (
        <div className="flex gap-1">
          <Input {...rest} id={id} value={text} aria-invalid={!good || undefined} onChange={typed} onBlur={commit} onKeyDown={(event) => event.key === 'Enter' && commit()} />
          {children}
        </div>
      )}
    </Labelled>
  )
}

function isLines(text: string): boolean {
  const lines = Number(text)
  return text.trim() !== '' && Number.isInteger(lines) && lines >= 0 && lines <= 1_000_000
}

/** Words between commas, each once. */
function wordsOf(text: string): string[] {
  return [...new Set(text.split(',').map((word) => word.trim()))].filter(Boolean)
}

const whats: Record<string, string> = { skip_lines: 'skip lines', skip_initial_space: 'space after a delimiter', trailing_delimiter: 'delimiter at line ends' }

function Reasons({ file }: { file: Metadata }) {
  return (
    <div className="mt-5 border-t border-line pt-4">
      <h3 className="mb-2 text-xs font-semibold">Why it is read so</h3>
      <dl className="grid gap-x-6 gap-y-2 text-xs lg:grid-cols-2">
        {file.decisions.map((each) => (
          <div key={each.what} className="flex min-w-0 gap-2">
            <dt className="w-36 shrink-0 text-muted">{whats[each.what] ?? each.what}</dt>
            <dd className="min-w-0">
              <code className="rounded bg-sunken px-1 font-mono">{each.value === '\t' ? '⇥' : each.value}</code> <span className="text-muted">{formatShare(each.confidence)} sure</span>
              <span className="block break-words text-muted">{each.evidence.join('; ')}</span>
            </dd>
          </div>
        ))}
      </dl>
      {file.notes && (
        <ul className="mt-3 flex flex-wrap gap-1.5">
          {file.notes.map((note) => (
            <li key={note}>
              <Badge tone="info" className="h-auto py-0.5 whitespace-normal">
                {note}
              </Badge>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
