import { useState } from 'react'
import type { SchedulePreview } from '@/shared/api/model'
import { Card, Field, Input } from '@/shared/components'
import { ZoneList } from '@/shared/components/zone-list'
import { cn } from '@/shared/lib/cn'
import { sentence } from '@/shared/lib/format'
import { viewerZone } from '@/shared/lib/time'
import { useNow } from '@/shared/lib/use-now'
import { Builder } from './builder'
import { cronFields, presetOf, presets } from './cron-fields'
import { knowsZone } from './zoned'

interface Value {
  value: string
  onChange: (value: string) => void
  error?: string
}

const fieldName = (name: string) => cronFields.find((each) => each.name === name)?.name.replaceAll('_', ' ') ?? 'expression'

/** The expression, by preset, by field or as cron writes it, and the zone by whose clocks it is read. */
export function When({ expression, zone, flaws }: { expression: Value; zone: Value; flaws: SchedulePreview['errors'] }) {
  const preset = presetOf(expression.value)
  const [writing, setWriting] = useState(preset === null)
  const custom = writing || preset === null
  const ofExpression = flaws.filter((flaw) => flaw.field !== 'timezone')
  const ofZone = flaws.find((flaw) => flaw.field === 'timezone')
  return (
    <Card title="When">
      <div className="space-y-4">
        <fieldset>
          <legend className="mb-1.5 text-sm font-medium">It runs</legend>
          <div className="flex flex-wrap gap-1.5">
            {presets.map((each) => (
              <Preset
                key={each.expression}
                checked={!custom && preset === each.expression}
                onChoose={() => {
                  setWriting(false)
                  expression.onChange(each.expression)
                }}
              >
                {each.label}
              </Preset>
            ))}
            <Preset checked={custom} onChoose={() => setWriting(true)}>
              Custom
            </Preset>
          </div>
        </fieldset>
        {custom && (
          <>
            <Field
              label="Cron expression"
              name="cron_expression"
              required
              error={expression.error}
              hint={
                <>
                  Minute, hour, day of month, month and weekday, as <code className="font-mono">0 6 * * MON-FRI</code>, or <code className="font-mono">@daily</code>.
                </>
              }
            >
              {(props) => (
                <Input {...props} className="font-mono" spellCheck={false} autoComplete="off" maxLength={400} value={expression.value} onChange={(event) => expression.onChange(event.target.value)} aria-invalid={ofExpression.length > 0 || props['aria-invalid']} />
              )}
            </Field>
            {ofExpression.length > 0 && (
              <ul aria-label="What is wrong with the expression" aria-live="polite" className="space-y-1.5 rounded-lg border border-bad/35 bg-bad-soft p-3 text-sm">
                {ofExpression.map((flaw) => (
                  <li key={`${flaw.field} ${flaw.position}`} className="break-words">
                    <span className="font-semibold text-bad-text">{sentence(fieldName(flaw.field))}</span>
                    {flaw.value && (
                      <>
                        {' '}
                        <code className="rounded-xs bg-surface px-1 font-mono text-xs">{flaw.value}</code>
                      </>
                    )}
                    : {flaw.reason}. <span className="text-muted">{flaw.fix}.</span>
                  </li>
                ))}
              </ul>
            )}
            <Builder expression={expression.value} flaws={ofExpression} onChange={expression.onChange} />
          </>
        )}
        <Field label="By the clocks of" name="timezone" required error={zone.error ?? (ofZone && `${sentence(ofZone.reason)}. ${ofZone.fix}.`)} hint={<ClockThere zone={zone.value} />}>
          {(props) => (
            <>
              <Input {...props} list="zones" className="sm:w-72" spellCheck={false} autoComplete="off" value={zone.value} onChange={(event) => zone.onChange(event.target.value)} />
              <ZoneList />
            </>
          )}
        </Field>
      </div>
    </Card>
  )
}

function Preset({ checked, onChoose, children }: { checked: boolean; onChoose: () => void; children: string }) {
  return (
    <label
      className={cn(
        'inline-flex h-8 cursor-pointer items-center rounded-md border px-3 text-sm font-medium transition-colors has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent',
        checked ? 'border-accent bg-accent-soft text-accent-text' : 'border-line bg-surface text-text shadow-card hover:bg-hover',
      )}
    >
      <input type="radio" name="preset" checked={checked} onChange={onChoose} className="sr-only" />
      {children}
    </label>
  )
}

function ClockThere({ zone }: { zone: string }) {
  const now = useNow()
  if (!knowsZone(zone)) return <>A name such as Europe/Berlin or UTC.</>
  const there = new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' }).format(now)
  return (
    <>
      It is {there} there{zone === viewerZone ? ', and here' : ''}.
    </>
  )
}
