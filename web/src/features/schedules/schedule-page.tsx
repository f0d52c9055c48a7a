import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { ListChecks, Trash2, TriangleAlert } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import { call, client } from '@/shared/api/client'
import type { Schedule } from '@/shared/api/model'
import { itemsOf, runsQuery, scheduleQuery } from '@/shared/api/queries'
import { Badge, Button, ButtonLink, ById, Card, ErrorPanel, PageHeader, QueryView, RowLink, StatusBadge, TextLink, Time } from '@/shared/components'
import { DeleteSchedule } from '@/shared/components/schedule-delete'
import { CronWords, LastFiring, NextFiring, ScheduleState } from '@/shared/components/schedule-marks'
import { useScheduleSwitch } from '@/shared/components/schedule-switch'
import { Switch } from '@/shared/components/switch'
import { cn } from '@/shared/lib/cn'
import { sentence } from '@/shared/lib/format'
import { inputOf } from './form'
import { ScheduleForm } from './schedule-form'

const crumbs = [{ label: 'Schedules', to: '/schedules' }]

export function SchedulePage() {
  return <ById param="scheduleId">{(id) => <ScheduleOf id={id} />}</ById>
}

function ScheduleOf({ id }: { id: number }) {
  const query = useQuery(scheduleQuery(id))
  if (query.error && !query.data) {
    return (
      <>
        <PageHeader title="Schedule" crumbs={crumbs} />
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      </>
    )
  }
  return <QueryView query={query}>{(schedule) => <Loaded key={schedule.id} schedule={schedule} />}</QueryView>
}

function Loaded({ schedule }: { schedule: Schedule }) {
  const { id, job_id: job } = schedule
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [deleting, setDeleting] = useState(false)
  // What the form shows; another version than the stored one is somebody else's change.
  const [shown, setShown] = useState(schedule)
  const [loads, setLoads] = useState(0)
  const toggle = useScheduleSwitch((after) => setShown((before) => ({ ...before, version: after.version })))
  const on = toggle.isPending ? toggle.variables.on : schedule.enabled
  const changed = shown.version < schedule.version && !toggle.isPending
  return (
    <>
      <PageHeader
        title={schedule.job_name}
        name={`Schedule of ${schedule.job_name}`}
        crumbs={crumbs}
        badge={<ScheduleState schedule={schedule} />}
        description={
          <>
            Runs <TextLink to={`/jobs/${job}`}>the job</TextLink> by itself.
          </>
        }
        actions={
          <>
            <label className="mr-2 flex h-8 items-center gap-2 text-sm font-medium">
              <Switch checked={on} busy={toggle.isPending} onChange={(next) => toggle.mutate({ schedule, on: next })} aria-label="Schedule is on" />
              {on ? 'On' : 'Off'}
            </label>
            <ButtonLink to={`/runs?job=${job}`}>
              <ListChecks aria-hidden />
              Run history
            </ButtonLink>
            <Button variant="danger" size="icon" aria-label="Delete the schedule" onClick={() => setDeleting(true)}>
              <Trash2 aria-hidden />
            </Button>
          </>
        }
      />
      {toggle.error && <ErrorPanel error={toggle.error} className="mb-5" />}
      {schedule.state !== 'active' && <State schedule={schedule} onAgain={() => toggle.mutate({ schedule, on: schedule.enabled })} busy={toggle.isPending} />}
      <Now schedule={schedule} />
      {changed && (
        <div role="status" className="mb-5 flex flex-wrap items-center justify-between gap-3 rounded-lg border border-warn/40 bg-warn-soft px-4 py-2.5 text-sm">
          <span>It was changed meanwhile, in another window or by somebody else.</span>
          <Button
            size="sm"
            onClick={() => {
              setShown(schedule)
              setLoads(loads + 1)
            }}
          >
            Show what is stored
          </Button>
        </div>
      )}
      <ScheduleForm
        key={loads}
        schedule={shown}
        action="Save"
        aside={<Runs job={job} />}
        onSave={async (values) => {
          const saved = await call(client.PUT('/api/v1/schedules/{id}', { params: { path: { id }, header: { 'If-Match': `"${shown.version}"` } }, body: inputOf(values, schedule.enabled, shown) }))
          setShown(saved)
          queries.setQueryData(scheduleQuery(id).queryKey, saved)
          toast.success('Saved')
          await Promise.all([queries.invalidateQueries({ queryKey: ['schedules', 'list'] }), queries.invalidateQueries({ queryKey: ['runs', 'summary'] })])
        }}
      />
      <DeleteSchedule schedule={schedule} open={deleting} onOpenChange={setDeleting} onDeleted={() => navigate('/schedules')} />
    </>
  )
}

/** Why a schedule does not fire as it should, and what becomes of it. */
function State({ schedule, onAgain, busy }: { schedule: Schedule; onAgain: () => void; busy: boolean }) {
  const broken = schedule.state === 'broken'
  return (
    <div role="alert" className={cn('mb-5 flex gap-3 rounded-lg border p-4 text-sm', broken ? 'border-bad/35 bg-bad-soft' : 'border-warn/40 bg-warn-soft')}>
      <TriangleAlert aria-hidden className={cn('mt-0.5 size-4.5 shrink-0', broken ? 'text-bad-text' : 'text-warn-text')} />
      <div className="min-w-0 flex-1">
        <p className={cn('font-semibold', broken ? 'text-bad-text' : 'text-warn-text')}>{broken ? 'It does not fire: it was refused' : 'It has not been handed over yet'}</p>
        <p className="mt-0.5 break-words">{sentence(schedule.state_reason)}</p>
        <p className="mt-1 text-xs text-muted">{broken ? 'Change what it says below, and save.' : 'It is kept, and handed over as soon as that works; nothing has to be done here.'}</p>
        <Button size="sm" className="mt-3" busy={busy} onClick={onAgain}>
          Try again now
        </Button>
      </div>
    </div>
  )
}

/** What it does, when next, and how the last time went. */
function Now({ schedule }: { schedule: Schedule }) {
  const absolute = schedule.enabled && schedule.next_run_at
  return (
    <dl className="mb-5 grid gap-px overflow-hidden rounded-lg border border-line bg-line shadow-card sm:grid-cols-3">
      <Fact name="Runs">
        <span className="font-medium break-words">
          <CronWords expression={schedule.cron_expression} />
        </span>
        <span className="block text-xs text-muted">
          {schedule.timezone}
          {schedule.engine === 'airflow' && <Badge className="ml-2">by Airflow</Badge>}
        </span>
      </Fact>
      <Fact name="Next">
        <span className="font-medium">
          <NextFiring schedule={schedule} />
        </span>
        {absolute && (
          <span className="block text-xs text-muted">
            <Time at={schedule.next_run_at} absolute zone={schedule.timezone} />
          </span>
        )}
      </Fact>
      <Fact name="Last">
        <LastFiring schedule={schedule} />
        {schedule.last_reason && <span className="block text-xs break-words text-muted">{sentence(schedule.last_reason)}</span>}
      </Fact>
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0 bg-surface px-4 py-3 text-sm">
      <dt className="mb-0.5 text-xs text-muted">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  )
}

function Runs({ job }: { job: number }) {
  const query = useInfiniteQuery({ ...runsQuery({ job_id: job }, 5), refetchInterval: 5_000 })
  return (
    <Card
      title="Last runs of the job"
      flush
      actions={
        <ButtonLink to={`/runs?job=${job}`} variant="ghost" size="sm">
          All runs
        </ButtonLink>
      }
    >
      <QueryView query={query}>
        {() =>
          itemsOf(query.data).length === 0 ? (
            <p className="px-4 py-5 text-sm text-muted">It has not run yet.</p>
          ) : (
            <ul aria-label="Last runs of the job" className="divide-y divide-line">
              {itemsOf(query.data)
                .slice(0, 5)
                .map((run) => (
                  <li key={run.id} className="flex items-center justify-between gap-3 px-4 py-2 text-sm">
                    <span className="flex min-w-0 items-center gap-2">
                      <RowLink to={`/runs/${run.id}`}>#{run.id}</RowLink>
                      <span className="text-xs text-muted">by {run.trigger}</span>
                    </span>
                    <span className="flex shrink-0 items-center gap-3">
                      <span className="text-xs text-muted">
                        <Time at={run.created_at} />
                      </span>
                      <StatusBadge status={run.status} />
                    </span>
                  </li>
                ))}
            </ul>
          )
        }
      </QueryView>
    </Card>
  )
}
