import { useQuery } from '@tanstack/react-query'
import { CircleCheck, CircleX, Wand2 } from 'lucide-react'
import { useState } from 'react'
import type { Column, Metadata } from '@/shared/api/model'
import { Button, QueryView } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount, plural } from '@/shared/lib/format'
import { fitsQuery, type Fit, type SourcePatch } from './queries'

/** The common types, each tried on the column's values: it holds all of them, or here is the first that it does not. */
export function TypeChoices({ file, column, onCorrect, correcting }: { file: Metadata; column: Column; onCorrect: (change: SourcePatch) => Promise<unknown>; correcting: boolean }) {
  const [open, setOpen] = useState(false)
  const query = useQuery({ ...fitsQuery(file.file_id, file.version, column.name), enabled: open })
  const types = file.overrides?.types ?? {}
  const given = types[column.name]
  const choose = (type: string) => onCorrect({ types: { ...types, [column.name]: type } })
  const forget = () => onCorrect({ types: Object.fromEntries(Object.entries(types).filter(([name]) => name !== column.name)) })
  return (
    <section aria-label="Other types" className="border-t border-line pt-4">
      <div className="flex flex-wrap gap-2">
        <Button size="sm" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Wand2 aria-hidden />
          {open ? 'Hide other types' : 'Try other types'}
        </Button>
        {given && (
          <Button size="sm" variant="ghost" busy={correcting} onClick={() => void forget()}>
            Back to the type found
          </Button>
        )}
      </div>
      {open && (
        <div className="mt-3">
          <QueryView query={query}>
            {(fits) => (
              <>
                <p className="mb-2 text-xs text-muted">
                  Tried on {fits.complete ? 'all' : 'the first'} {plural(fits.rows_tried, 'row')}.
                </p>
                <ul className="divide-y divide-line rounded-md border border-line">
                  {fits.choices.map((fit) => (
                    <Choice key={`${fit.type} ${fit.format ?? ''}`} fit={fit} current={fit.type === column.type} rows={fits.rows_tried} busy={correcting} onChoose={() => void choose(fit.type)} />
                  ))}
                </ul>
              </>
            )}
          </QueryView>
        </div>
      )}
    </section>
  )
}

function Choice({ fit, current, rows, busy, onChoose }: { fit: Fit; current: boolean; rows: number; busy: boolean; onChoose: () => void }) {
  const Icon = fit.fits ? CircleCheck : CircleX
  return (
    <li className={cn('flex items-start gap-2 px-2.5 py-2 text-xs', current && 'bg-accent-soft/60')}>
      <Icon aria-hidden className={cn('mt-1 size-3.5 shrink-0', fit.fits ? 'text-ok-text' : 'text-faint')} />
      <div className="min-w-0 flex-1 py-0.5">
        <p className="font-medium">
          {fit.type}
          <span className="sr-only">{fit.fits ? ' holds every value' : ' does not hold every value'}</span>
        </p>
        {fit.counter_example ? (
          <p className="break-words text-muted">
            {formatCount(fit.rejected)} of {formatCount(rows)} {fit.rejected === 1 ? 'does' : 'do'} not fit, first at line {formatCount(fit.counter_example.line)}: {fit.counter_example.reason}
          </p>
        ) : (
          fit.error && <p className="break-words text-muted">{fit.error}</p>
        )}
      </div>
      {current ? (
        <span className="py-1 text-muted">in use</span>
      ) : (
        <Button size="sm" variant="ghost" busy={busy} disabled={Boolean(fit.error)} onClick={onChoose} aria-label={`Use ${fit.type}`}>
          Use
        </Button>
      )}
    </li>
  )
}
