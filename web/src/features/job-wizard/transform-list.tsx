import { ArrowDown, ArrowUp, Plus, X } from 'lucide-react'
import { useRef } from 'react'
import type { ColumnMapping } from '@/shared/api/model'
import { Button, Input, Select } from '@/shared/components'
import { transformations } from './catalog'

type Step = NonNullable<ColumnMapping['transformations']>[number]

/** An argument as it is sent: whole numbers as numbers where one is asked for. */
function argumentOf(kind: 'text' | 'number', typed: string): unknown {
  return kind === 'number' && /^-?\d+$/.test(typed.trim()) ? Number(typed) : typed
}

function shown(argument: unknown): string {
  return typeof argument === 'string' ? argument : argument === undefined || argument === null ? '' : JSON.stringify(argument)
}

/** Steps on the text of a field, in order. */
export function TransformList({ id, name, steps, onChange }: { id: string; name: string; steps: Step[]; onChange: (steps: Step[]) => void }) {
  const adder = useRef<HTMLSelectElement>(null)
  const set = (at: number, step: Step) => onChange(steps.map((each, i) => (i === at ? step : each)))
  const move = (at: number, by: number) => {
    const next = [...steps]
    const [step] = next.splice(at, 1)
    if (step) next.splice(at + by, 0, step)
    onChange(next)
  }
  return (
    <div>
      {steps.length > 0 && (
        <ol className="mb-2 space-y-2">
          {steps.map((step, i) => (
            <li key={i} className="flex flex-wrap items-center gap-1.5 rounded-md border border-line bg-sunken p-1.5">
              <span className="w-4 text-center text-2xs text-muted">{i + 1}</span>
              <span className="font-mono text-xs font-medium">{step.fn.toUpperCase()}</span>
              <Arguments step={step} of={`step ${i + 1} of ${name}`} onChange={(args) => set(i, { fn: step.fn, ...(args.length > 0 ? { args } : {}) })} />
              <span className="ml-auto flex">
                <Button variant="ghost" size="icon-sm" disabled={i === 0} aria-label={`Move ${step.fn} up`} onClick={() => move(i, -1)}>
                  <ArrowUp aria-hidden />
                </Button>
                <Button variant="ghost" size="icon-sm" disabled={i === steps.length - 1} aria-label={`Move ${step.fn} down`} onClick={() => move(i, 1)}>
                  <ArrowDown aria-hidden />
                </Button>
                <Button
                  variant="ghost"
                  size="icon-sm"
                  aria-label={`Remove ${step.fn}`}
                  onClick={() => {
                    onChange(steps.filter((_, at) => at !== i))
                    adder.current?.focus()
                  }}
                >
                  <X aria-hidden />
                </Button>
              </span>
            </li>
          ))}
        </ol>
      )}
      <div className="flex items-center gap-2">
        <Plus aria-hidden className="size-4 text-muted" />
        <Select
          ref={adder}
          id={id}
          aria-label={`Add a step to ${name}`}
          value=""
          className="max-w-72"
          onChange={(event) => {
            const found = transformations.find(({ fn }) => fn === event.target.value)
            if (found) onChange([...steps, { fn: found.fn, ...(found.parameters.some((each) => !each.optional) ? { args: found.parameters.filter((each) => !each.optional).map(() => '') } : {}) }])
          }}
        >
          <option value="">Add a step…</option>
          {transformations.map(({ fn, what }) => (
            <option key={fn} value={fn}>
              {fn}: {what}
            </option>
          ))}
        </Select>
      </div>
    </div>
  )
}

function Arguments({ step, of, onChange }: { step: Step; of: string; onChange: (args: unknown[]) => void }) {
  const known = transformations.find(({ fn }) => fn === step.fn.toUpperCase())
  const args = step.args ?? []
  const last = known?.parameters.at(-1)
  const parameters = [...(known?.parameters ?? [])]
  if (known?.many && last) while (parameters.length < args.length) parameters.push(last)
  return parameters.map((parameter, i) => (
    <label key={i} className="flex min-w-0 items-center gap-1 text-xs text-muted">
      {parameter.name}
      <Input
        aria-label={`${parameter.name} of ${of}`}
        className="h-7 w-24 font-mono text-xs"
        value={shown(args[i])}
        placeholder={parameter.example}
        inputMode={parameter.kind === 'number' ? 'numeric' : undefined}
        onChange={(event) => {
          const next = parameters.map((each, at) => (at === i ? argumentOf(each.kind, event.target.value) : (args[at] ?? '')))
          // Optional ones at the end that stand empty are not given.
          while (next.length > 0 && next.at(-1) === '' && parameters[next.length - 1]?.optional) next.pop()
          onChange(next)
        }}
      />
    </label>
  ))
}
