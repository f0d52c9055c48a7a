import { Controller, type UseFormReturn } from 'react-hook-form'
import { Badge, Card, Field, Input, OptionCard } from '@/shared/components'
import type { Fields } from './form'

const overlaps = [
  { value: 'skip', title: 'Skip the time', text: 'No second run begins; the time is noted as skipped.' },
  { value: 'queue', title: 'Queue it', text: 'It begins when the run before has ended; ten wait at most.' },
  { value: 'allow', title: 'Run beside it', text: 'Both load at once. Fit for inserts, seldom for truncating.' },
] as const
const catchUps = [
  { value: 'none', title: 'Drop them', text: 'It goes on with the next time.' },
  { value: 'one', title: 'Run the latest', text: 'One run stands for all of them.' },
  { value: 'all', title: 'Run all', text: 'One after another, the latest ones up to a bound.' },
] as const

function Choices<V extends string>({ legend, hint, name, value, options, onChange }: { legend: string; hint?: string; name: string; value: V; options: readonly { value: V; title: string; text: string }[]; onChange: (value: V) => void }) {
  return (
    <fieldset aria-describedby={hint ? `${name}-hint` : undefined}>
      <legend className="text-sm font-medium">{legend}</legend>
      {hint && (
        <p id={`${name}-hint`} className="text-xs text-muted">
          {hint}
        </p>
      )}
      <div className="mt-2 grid gap-2 sm:grid-cols-3">
        {options.map((each) => (
          <OptionCard key={each.value} group={name} checked={value === each.value} onChoose={() => onChange(each.value)} title={each.title}>
            {each.text}
          </OptionCard>
        ))}
      </div>
    </fieldset>
  )
}

/** What becomes of times that cannot simply run. */
export function Rules({ form, catchUp }: { form: UseFormReturn<Fields>; catchUp: Fields['catch_up_policy'] }) {
  const { errors } = form.formState
  return (
    <Card title="When a time cannot simply run">
      <div className="space-y-5">
        <Controller control={form.control} name="overlap_policy" render={({ field }) => <Choices legend="While a run is under way" name={field.name} value={field.value} options={overlaps} onChange={field.onChange} />} />
        <Controller
          control={form.control}
          name="catch_up_policy"
          render={({ field }) => <Choices legend="Times that passed unseen" hint="While the portal was stopped, for instance. Times that pass while the schedule is off are gone." name={field.name} value={field.value} options={catchUps} onChange={field.onChange} />}
        />
        {catchUp === 'all' && (
          <Field label="At most" name="catch_up_max" hint="Of the latest times, 1 to 1,000." error={errors.catch_up_max?.message}>
            {(props) => <Input {...props} {...form.register('catch_up_max')} inputMode="numeric" className="w-28" />}
          </Field>
        )}
      </div>
    </Card>
  )
}

/** Beginning, end and spread. */
export function Bounds({ form, zone }: { form: UseFormReturn<Fields>; zone: string }) {
  const { errors } = form.formState
  return (
    <Card title="Bounds" description={`By the clocks of ${zone || 'the zone above'}`}>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Not before" name="start_at" optional error={errors.start_at?.message}>
          {(props) => <Input {...props} {...form.register('start_at')} type="datetime-local" />}
        </Field>
        <Field label="Until" name="end_at" optional hint="Nothing fires from then on." error={errors.end_at?.message}>
          {(props) => <Input {...props} {...form.register('end_at')} type="datetime-local" />}
        </Field>
        <Field label="Spread, in seconds" name="jitter_seconds" hint="A run begins up to so much later than its time, so that many schedules do not begin at once." error={errors.jitter_seconds?.message} className="sm:col-span-2">
          {(props) => <Input {...props} {...form.register('jitter_seconds')} inputMode="numeric" className="w-28" />}
        </Field>
      </div>
    </Card>
  )
}

/** Whose clock fires it; Airflow where the portal knows one. */
export function EngineChoice({ form, engines }: { form: UseFormReturn<Fields>; engines: string[] | undefined }) {
  const offered = engines?.includes('airflow') ?? false
  return (
    <Card title="Fired by">
      <Controller
        control={form.control}
        name="engine"
        render={({ field, fieldState }) => (
          <fieldset>
            <legend className="sr-only">Fired by</legend>
            <div className="grid gap-2 sm:grid-cols-2">
              <OptionCard group="engine" checked={field.value === 'native'} onChoose={() => field.onChange('native')} title="The portal">
                Within a second of its time, with nothing else to run.
              </OptionCard>
              {offered || field.value === 'airflow' ? (
                <OptionCard group="engine" id="field-engine" checked={field.value === 'airflow'} onChoose={() => field.onChange('airflow')} title="Airflow" badge={engines && !offered ? <Badge tone="warn">not set up</Badge> : undefined}>
                  A DAG of its own triggers the job and waits for the run, so that Airflow shows how it went.
                </OptionCard>
              ) : (
                <div className="rounded-lg border border-dashed border-line p-3">
                  <p className="text-sm font-medium text-muted">Airflow</p>
                  <p className="mt-0.5 text-xs text-muted">
                    This portal knows no Airflow. Whoever runs it sets <code className="font-mono">ETLPORTAL_AIRFLOW_URL</code> and its companions to have schedules as DAGs.
                  </p>
                </div>
              )}
            </div>
            {fieldState.error && <p className="mt-2 text-xs font-medium text-bad-text">{fieldState.error.message}</p>}
          </fieldset>
        )}
      />
    </Card>
  )
}
