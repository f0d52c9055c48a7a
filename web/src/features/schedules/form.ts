import * as z from 'zod'
import type { Schedule, ScheduleInput } from '@/shared/api/model'
import type { Problem } from '@/shared/api/problem'
import { sentence } from '@/shared/lib/format'
import { viewerZone } from '@/shared/lib/time'
import { knowsZone, toInstant, toWall } from './zoned'

const whole = (first: number, last: number) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,6}$/, 'Write a whole number')
    .refine((text) => Number(text) >= first && Number(text) <= last, `From ${first} to ${last.toLocaleString('en-US')}`)

/** The fields of a schedule as they are typed. */
export const fields = z
  .object({
    job_id: z.string().min(1, 'Choose the job that it runs'),
    cron_expression: z.string().trim().min(1, 'Write an expression, or choose one above').max(400, 'At most 400 characters'),
    timezone: z.string().trim().refine(knowsZone, 'There is no such time zone; use a name such as Europe/Berlin or UTC'),
    engine: z.enum(['native', 'airflow']),
    overlap_policy: z.enum(['skip', 'queue', 'allow']),
    catch_up_policy: z.enum(['none', 'one', 'all']),
    catch_up_max: whole(1, 1000),
    jitter_seconds: whole(0, 86_400),
    start_at: z.string(),
    end_at: z.string(),
  })
  .refine(({ start_at: start, end_at: end }) => !start || !end || start < end, { path: ['end_at'], message: 'It ends before it begins' })
  .refine(({ engine, jitter_seconds: jitter }) => engine !== 'airflow' || Number(jitter) === 0, { path: ['jitter_seconds'], message: 'Airflow fires at the time: 0' })

export type Fields = z.input<typeof fields>

/** What the form begins with. */
export function initial(schedule?: Schedule, job?: number): Fields {
  return {
    job_id: String(schedule?.job_id ?? job ?? ''),
    cron_expression: schedule?.cron_expression ?? '0 0 * * *',
    timezone: schedule?.timezone ?? viewerZone,
    engine: schedule?.engine ?? 'native',
    overlap_policy: schedule?.overlap_policy ?? 'skip',
    catch_up_policy: schedule?.catch_up_policy ?? 'none',
    catch_up_max: String(schedule?.catch_up_max ?? 10),
    jitter_seconds: String(schedule?.jitter_seconds ?? 0),
    start_at: toWall(schedule?.start_at, schedule?.timezone ?? viewerZone),
    end_at: toWall(schedule?.end_at, schedule?.timezone ?? viewerZone),
  }
}

// Seconds are not in the field; a bound that was not touched keeps them.
const bound = (wall: string, zone: string, before: string | null | undefined) => (before && wall === toWall(before, zone) ? before : toInstant(wall, zone))

/** What is sent. */
export function inputOf(values: Fields, enabled: boolean, before?: Schedule): ScheduleInput {
  return {
    cron_expression: values.cron_expression,
    timezone: values.timezone,
    enabled,
    engine: values.engine,
    overlap_policy: values.overlap_policy,
    catch_up_policy: values.catch_up_policy,
    catch_up_max: Number(values.catch_up_max),
    jitter_seconds: Number(values.jitter_seconds),
    start_at: bound(values.start_at, values.timezone, before?.start_at),
    end_at: bound(values.end_at, values.timezone, before?.end_at),
  }
}

/** What a refusal says of single fields. */
export function refusals(problem: Problem): { name: keyof Fields; message: string }[] {
  return problem.errors.flatMap(({ location, message }) => {
    const name = location.replace(/^(body|query)\./, '')
    return name in fields.shape ? [{ name: name as keyof Fields, message: sentence(message) }] : []
  })
}
