import { zodResolver } from '@hookform/resolvers/zod'
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Controller, useForm, useWatch } from 'react-hook-form'
import type { Schedule } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button, Card, ErrorPanel, ErrorSummary, Field } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { useDebounced } from '@/shared/lib/use-debounced'
import { fields, initial, refusals, type Fields } from './form'
import { JobChoice } from '@/shared/components/job-choice'
import { previewQuery } from './queries'
import { Bounds, EngineChoice, Rules } from './rules'
import { Upcoming } from './upcoming'
import { When } from './when'
import { toInstant } from './zoned'

/** The fields of a schedule beside what they lead to. onSave may throw a Problem; what it says of single fields shows at them. */
export function ScheduleForm({ schedule, job, action, onSave, aside }: { schedule?: Schedule; job?: number; action: string; onSave: (values: Fields) => Promise<unknown>; aside?: ReactNode }) {
  const form = useForm<Fields>({ resolver: zodResolver(fields), defaultValues: initial(schedule, job), shouldFocusError: false })
  const [failure, setFailure] = useState<unknown>(null)
  const { errors, isSubmitting, submitCount, isDirty } = form.formState
  const values = useWatch({ control: form.control }) as Fields
  const expression = values.cron_expression.trim()
  const question = useDebounced(
    {
      cron_expression: expression,
      timezone: values.timezone.trim(),
      job_id: values.job_id ? Number(values.job_id) : undefined,
      start_at: toInstant(values.start_at, values.timezone),
      end_at: toInstant(values.end_at, values.timezone),
    },
    250,
  )
  const preview = useQuery(previewQuery(question))
  // What is being typed is judged when its answer is there, and not by the one before.
  const flaws = preview.data && !preview.isPlaceholderData && question.cron_expression === expression ? preview.data.errors : []
  const save = form.handleSubmit(async (found) => {
    setFailure(null)
    try {
      await onSave(found)
      form.reset(found)
    } catch (error) {
      const named = error instanceof Problem ? refusals(error) : []
      named.forEach(({ name, message }) => form.setError(name, { message }))
      setFailure(error)
    }
  })
  const list = (Object.keys(fields.shape) as (keyof Fields)[]).flatMap((name) => {
    const message = errors[name]?.message
    return message ? [{ name, message }] : []
  })
  return (
    <form noValidate onSubmit={(event) => void save(event)} className="grid items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)] [&_:is(input,select,button)]:scroll-mb-20">
      <div className="grid gap-5">
        {list.length > 0 && <ErrorSummary errors={list} attempt={submitCount} />}
        {failure !== null && <ErrorPanel error={failure} />}
        {!schedule && (
          <Card>
            <Controller
              control={form.control}
              name="job_id"
              render={({ field }) => (
                <Field label="Job" name="job_id" required error={errors.job_id?.message} hint="It loads its file each time.">
                  {(props) => <JobChoice {...props} className="sm:w-72" none="Choose a job" value={field.value ? Number(field.value) : undefined} onChange={(id) => field.onChange(id === undefined ? '' : String(id))} />}
                </Field>
              )}
            />
          </Card>
        )}
        <When
          expression={{ value: values.cron_expression, onChange: (text) => form.setValue('cron_expression', text, { shouldDirty: true, shouldValidate: submitCount > 0 }), error: flaws.length > 0 ? undefined : errors.cron_expression?.message }}
          zone={{ value: values.timezone, onChange: (text) => form.setValue('timezone', text, { shouldDirty: true, shouldValidate: submitCount > 0 }), error: errors.timezone?.message }}
          flaws={flaws}
        />
      </div>
      <div className="grid gap-5 lg:sticky lg:top-18 lg:row-span-2">
        <Upcoming expression={question.cron_expression} zone={question.timezone} query={preview} />
        {aside}
      </div>
      <div className="grid gap-5">
        <Rules form={form} catchUp={values.catch_up_policy} />
        <Bounds form={form} zone={values.timezone} />
        <EngineChoice form={form} engines={preview.data?.engines} />
        <div className={cn('-mx-1 flex flex-wrap items-center gap-3 px-1 py-3', (!schedule || isDirty) && 'sticky bottom-0 z-10 border-t border-line bg-bg')}>
          <Button type="submit" variant="primary" busy={isSubmitting}>
            {action}
          </Button>
          {schedule && isDirty && (
            <>
              <Button variant="ghost" onClick={() => form.reset()}>
                Undo changes
              </Button>
              <span className="text-xs text-muted">Not saved yet</span>
            </>
          )}
        </div>
      </div>
    </form>
  )
}
