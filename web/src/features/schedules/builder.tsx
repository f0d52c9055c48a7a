import { CircleAlert } from 'lucide-react'
import { useState } from 'react'
import type { SchedulePreview } from '@/shared/api/model'
import { Input, Select } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { sentence } from '@/shared/lib/format'
import { cronFields, named, partsOf, readField, writeField, type Choice, type CronField } from './cron-fields'

type Flaw = SchedulePreview['errors'][number]

/** The five fields of an expression side by side; the chosen one is changed below them. */
export function Builder({ expression, flaws, onChange }: { expression: string; flaws: Flaw[]; onChange: (expression: string) => void }) {
  const [open, setOpen] = useState<CronField['name']>('minute')
  const parts = partsOf(expression)
  const at = cronFields.findIndex((each) => each.name === open)
  const field = cronFields[at]
  if (!parts || !field) return <p className="text-xs text-muted">The fields can be chosen here as soon as there are five of them.</p>
  const replace = (text: string) => onChange(parts.map((each, i) => (i === at ? text : each)).join(' '))
  return (
    <div className="overflow-hidden rounded-lg border border-line">
      <div role="group" aria-label="Fields of the expression" className="grid grid-cols-3 gap-px border-b border-line bg-line sm:grid-cols-5">
        {cronFields.map((each, i) => {
          const bad = flaws.some((flaw) => flaw.field === each.name)
          return (
            <button
              key={each.name}
              type="button"
              aria-pressed={each.name === open}
              onClick={() => setOpen(each.name)}
              className={cn('min-w-0 bg-surface px-2 py-1.5 text-center hover:bg-hover focus-visible:-outline-offset-2 aria-pressed:bg-accent-soft', bad && 'bg-bad-soft')}
            >
              <span className="block truncate text-2xs text-muted">{each.label}</span>
              <span className={cn('flex items-center justify-center gap-1 font-mono text-sm font-medium', bad && 'text-bad-text')}>
                {bad && <CircleAlert aria-label="wrong" className="size-3.5 shrink-0" />}
                <span className="truncate">{parts[i]}</span>
              </span>
            </button>
          )
        })}
        <span aria-hidden className="bg-surface sm:hidden" />
      </div>
      <FieldEditor key={open} field={field} text={parts[at] ?? '*'} onChange={replace} flaws={flaws.filter((flaw) => flaw.field === open)} />
    </div>
  )
}

const modes: { value: Choice['mode']; label: (field: CronField) => string }[] = [
  { value: 'every', label: (field) => `Every ${field.unit}` },
  { value: 'step', label: (field) => `Every so many ${field.unit}s` },
  { value: 'list', label: () => 'Chosen ones' },
  { value: 'range', label: () => 'From … to …' },
  { value: 'text', label: () => 'As written' },
]

function begun(field: CronField, mode: Choice['mode'], before: Choice): Exclude<Choice, { mode: 'text' }> {
  const values = before.mode === 'list' ? before.values : before.mode === 'range' ? Array.from({ length: before.to - before.from + 1 }, (_, i) => before.from + i) : [field.first]
  switch (mode) {
    case 'step':
      return { mode, step: field.last >= 23 ? 5 : 2 }
    case 'range':
      return field.name === 'day_of_week' ? { mode, from: 1, to: 5 } : { mode, from: values[0] ?? field.first, to: values.length > 1 ? (values.at(-1) ?? field.last) : field.last }
    case 'list':
      return { mode, values }
    default:
      return { mode: 'every' }
  }
}

function FieldEditor({ field, text, flaws, onChange }: { field: CronField; text: string; flaws: Flaw[]; onChange: (text: string) => void }) {
  const read = readField(field, text)
  // Whoever wants to write keeps the text field, also while it says what a choice could say.
  const [writing, setWriting] = useState(read.mode === 'text')
  const choice: Choice = writing ? { mode: 'text' } : read
  const all = Array.from({ length: field.last - field.first + 1 }, (_, i) => field.first + i)
  return (
    <div className="space-y-3 bg-sunken p-3">
      <Select
        aria-label={`${field.label}: which`}
        className="sm:w-56"
        value={choice.mode}
        onChange={(event) => {
          const mode = event.target.value as Choice['mode']
          setWriting(mode === 'text')
          if (mode !== 'text') onChange(writeField(field, begun(field, mode, read)))
        }}
      >
        {modes.map((each) => (
          <option key={each.value} value={each.value}>
            {each.label(field)}
          </option>
        ))}
      </Select>
      {choice.mode === 'step' && (
        <label className="flex flex-wrap items-center gap-2 text-sm">
          Every
          <Input className="w-20" type="number" min={1} max={field.last} value={choice.step} onChange={(event) => Number(event.target.value) >= 1 && onChange(writeField(field, { mode: 'step', step: Math.min(field.last, Math.floor(Number(event.target.value))) }))} />
          {field.unit}s, counted from {named(field, field.first)}
        </label>
      )}
      {choice.mode === 'range' && (
        <div className="flex flex-wrap items-center gap-2 text-sm">
          <Select aria-label={`${field.label}: from`} className="w-32" value={choice.from} onChange={(event) => onChange(writeField(field, { mode: 'range', from: Number(event.target.value), to: Math.max(Number(event.target.value), choice.to) }))}>
            {all.map((value) => (
              <option key={value} value={value}>
                {named(field, value)}
              </option>
            ))}
          </Select>
          to
          <Select aria-label={`${field.label}: to`} className="w-32" value={choice.to} onChange={(event) => onChange(writeField(field, { mode: 'range', from: choice.from, to: Number(event.target.value) }))}>
            {all
              .filter((value) => value >= choice.from)
              .map((value) => (
                <option key={value} value={value}>
                  {named(field, value)}
                </option>
              ))}
          </Select>
        </div>
      )}
      {choice.mode === 'list' && (
        <div role="group" aria-label={`${field.label}: chosen`} className="flex flex-wrap gap-1">
          {all.map((value) => {
            const on = choice.values.includes(value)
            return (
              <button
                key={value}
                type="button"
                aria-pressed={on}
                aria-label={field.names ? named(field, value) : `${field.label} ${value}`}
                // The last one stays: a field cannot be empty.
                onClick={() => (!on || choice.values.length > 1) && onChange(writeField(field, { mode: 'list', values: on ? choice.values.filter((each) => each !== value) : [...choice.values, value] }))}
                className={cn('h-7 min-w-8 rounded-md border px-1.5 text-xs tabular', on ? 'border-accent bg-accent font-medium text-on-accent' : 'border-line bg-surface hover:bg-hover')}
              >
                {field.names ? named(field, value).slice(0, 3) : named(field, value)}
              </button>
            )
          })}
        </div>
      )}
      {choice.mode === 'text' && <Input aria-label={`${field.label}, as cron writes it`} className="font-mono sm:w-56" spellCheck={false} autoComplete="off" value={text} onChange={(event) => onChange(event.target.value.replace(/\s+/g, '') || '*')} />}
      {flaws.map((flaw) => (
        <p key={flaw.position} className="text-xs font-medium text-bad-text">
          {sentence(flaw.reason)}. <span className="font-normal">{flaw.fix}.</span>
        </p>
      ))}
    </div>
  )
}
