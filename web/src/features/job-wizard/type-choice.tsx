import { useQuery } from '@tanstack/react-query'
import { CircleCheck, TriangleAlert } from 'lucide-react'
import { useId, useState } from 'react'
import type { Metadata } from '@/shared/api/model'
import { Button, ErrorPanel, Input, ProgressBar, Select } from '@/shared/components'
import { formatCount, plural } from '@/shared/lib/format'
import { useDebounced } from '@/shared/lib/use-debounced'
import { formatsOf, types } from './catalog'
import type { DraftColumn } from './draft'
import { fitsQuery, type Fits } from './queries'

type Fit = Fits['choices'][number]

/**
 * The type and the format of a column. Each type is tried on the file's values: what does not fit
 * shows the first value that it does not, with its line, before anything is loaded.
 */
export function TypeChoice({ file, row, tableType, onChange }: { file: Metadata; row: DraftColumn; tableType?: string; onChange: (change: Partial<DraftColumn>) => void }) {
  const id = useId()
  const source = row.source ?? ''
  const found = file.columns.find((each) => each.name === source)
  const chosen = row.type ?? ''
  const tried = chosen || tableType || ''
  const format = row.format ?? ''
  const asked = useDebounced({ column: source, ...(row.null_values ? { null_values: row.null_values } : {}), ...(tried ? { choices: choices(tried, format) } : {}) }, 350)
  const query = useQuery({ ...fitsQuery(file.file_id, asked), enabled: source !== '' })
  // Another column's answer, which is kept on the screen meanwhile, says nothing of this one.
  const fits = query.data?.column === source ? query.data : undefined
  const of = (type: string) => fits?.choices.find((each) => each.type === type && (type !== tried || (each.format ?? '') === format)) ?? fits?.choices.find((each) => each.type === type)
  const [other, setOther] = useState(chosen !== '' && !types.includes(chosen) && chosen !== found?.type)
  const options = [...new Set([...(found ? [found.type] : []), ...types, ...(chosen ? [chosen] : [])])]
  const label = (type: string) => {
    const fit = of(type)
    return `${type}${type === found?.type ? ' · found' : ''}${fit && !fit.fits ? ` · not for ${fit.error ? 'this format' : plural(fit.rejected, 'row')}` : ''}`
  }
  return (
    <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
      <div>
        <label htmlFor={`${id}-type`} className="mb-1 block text-sm font-medium">
          Type
        </label>
        {other ? (
          <div className="flex gap-1.5">
            <Input id={`${id}-type`} value={chosen} spellCheck={false} className="font-mono text-xs" placeholder="varchar(40)" aria-describedby={`${id}-fit`} onChange={(event) => onChange({ type: event.target.value })} />
            <Button size="sm" className="h-8" onClick={() => setOther(false)}>
              List
            </Button>
          </div>
        ) : (
          <Select
            id={`${id}-type`}
            value={chosen}
            aria-describedby={`${id}-fit`}
            onChange={(event) => {
              if (event.target.value === '…') setOther(true)
              else onChange({ type: event.target.value || undefined })
            }}
          >
            {tableType ? <option value="">as the table: {tableType}</option> : <option value="">{found ? `as found: ${found.type}` : 'as calculated'}</option>}
            {options.map((type) => (
              <option key={type} value={type}>
                {label(type)}
              </option>
            ))}
            <option value="…">Another type…</option>
          </Select>
        )}
      </div>
      {source !== '' && (
      <div>
        <label htmlFor={`${id}-format`} className="mb-1 block text-sm font-medium">
          Format <span className="font-normal text-muted">(optional)</span>
        </label>
        <Input id={`${id}-format`} list={`${id}-formats`} value={format} spellCheck={false} className="font-mono text-xs" placeholder={found?.format ?? 'plain'} onChange={(event) => onChange({ format: event.target.value || undefined })} />
        <datalist id={`${id}-formats`}>
          {formatsOf(tried || found?.type || '').map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      </div>
      )}
      {found?.ambiguous && found.ambiguous.length > 0 && !format && (
        <div className="rounded-md border border-warn/40 bg-warn-soft p-2.5 text-xs sm:col-span-2">
          <p className="font-medium text-warn-text">The values can be read in {found.ambiguous.length} ways, and they mean different things. Choose one:</p>
          <div className="mt-1.5 flex flex-wrap gap-1.5">
            {found.ambiguous.map((each) => (
              <Button key={each} size="sm" className="font-mono" onClick={() => onChange({ format: each })}>
                {each}
              </Button>
            ))}
          </div>
        </div>
      )}
      <div id={`${id}-fit`} role="status" className="text-xs sm:col-span-2">
        {query.error ? (
          <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
        ) : !fits && source ? (
          <ProgressBar value={null} label="Trying types" />
        ) : (
          fits && <Verdict fit={tried ? of(tried) : undefined} fits={fits} type={tried || found?.type || ''} transformed={(row.transformations?.length ?? 0) > 0 || Boolean(row.expression?.trim())} />
        )}
      </div>
    </div>
  )
}

/** The types that are tried: the list's, and the chosen one in its format. */
function choices(type: string, format: string) {
  return [{ type, ...(format ? { format } : {}) }, ...types.filter((each) => each !== type).map((each) => ({ type: each }))]
}

function Verdict({ fit, fits, type, transformed }: { fit?: Fit; fits: Fits; type: string; transformed: boolean }) {
  const tried = `${fits.complete && fits.rows_tried !== 1 ? 'All' : fits.complete ? 'The' : 'The first'} ${plural(fits.rows_tried, 'row')}`
  if (!fit || fit.fits) {
    return (
      <p className="flex gap-1.5 text-ok-text">
        <CircleCheck aria-hidden className="mt-px size-3.5 shrink-0" />
        <span>
          {tried} {fits.rows_tried === 1 ? 'fits' : 'fit'} {type || fits.found.type}
          {transformed ? ', as they stand in the file' : ''}.
        </span>
      </p>
    )
  }
  const example = fit.counter_example
  return (
    <div className="rounded-md border border-warn/40 bg-warn-soft p-2.5">
      <p className="flex gap-1.5 font-medium text-warn-text">
        <TriangleAlert aria-hidden className="mt-px size-3.5 shrink-0" />
        {fit.error ? fit.error : `${plural(fit.rejected, 'row')} of ${formatCount(fits.rows_tried)} ${fit.rejected === 1 ? 'does' : 'do'} not fit ${fit.type}${transformed ? ', as they stand in the file' : ''}`}
      </p>
      {example && (
        <p className="mt-1 pl-5 break-words">
          Line {formatCount(example.line)}: <mark className="font-mono">{example.value === '' ? 'empty' : example.value}</mark> <span className="text-muted">{example.reason}</span>
        </p>
      )}
    </div>
  )
}
