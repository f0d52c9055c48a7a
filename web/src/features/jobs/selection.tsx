import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleCheck, Info, Pause, Play, TriangleAlert, Undo2, X } from 'lucide-react'
import { Fragment, useEffect, useRef, useState } from 'react'
import type { JobItem } from '@/shared/api/model'
import { Button, ErrorPanel, TextLink } from '@/shared/components'
import { plural, sentence } from '@/shared/lib/format'
import { failureOf, joined, jobsOf, leftOf, switchSchedules, type Outcome, type Work } from './bulk-schedules'

/** What can be done with several jobs: which are chosen, and the switch of all their schedules. */
export function Selection({ jobs, chosen, onPick }: { jobs: readonly JobItem[]; chosen: readonly JobItem[]; onPick: (ids: number[], on: boolean) => void }) {
  const queries = useQueryClient()
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [progress, setProgress] = useState({ done: 0, total: 0 })
  const bar = useRef<HTMLDivElement>(null)
  const report = useRef<HTMLDivElement>(null)
  const change = useMutation({
    mutationFn: ({ work }: { work: Work; before?: Outcome }) => {
      setProgress({ done: 0, total: 0 })
      return switchSchedules(work, (done, total) => setProgress({ done, total }))
    },
    onSuccess: (after, { before }) => {
      setOutcome(before ? joined(before, after) : after)
      void queries.invalidateQueries({ queryKey: ['schedules'] })
      void queries.invalidateQueries({ queryKey: ['runs', 'summary'] })
    },
  })
  const { isPending: busy } = change
  const act = (on: boolean) => !busy && change.mutate({ work: { jobs: chosen, schedules: [], on } })
  const doing = busy && change.variables.work.on ? 'Resuming' : 'Pausing'
  const failure = outcome && failureOf(outcome)
  useEffect(() => {
    // A button of the report that is gone with what it did leaves the focus with the report.
    if (outcome && document.activeElement === document.body) report.current?.focus()
  }, [outcome])
  const pressed = (on: boolean) => busy && change.variables.work.on === on && change.variables.work.jobs.length > 0
  return (
    <>
      {(chosen.length > 0 || jobs.length > 1) && (
        <div ref={bar} className="flex min-h-10 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 text-xs text-muted">
          <Button size="sm" variant="ghost" className="-ml-2.5" onClick={() => onPick(jobs.map((job) => job.id), chosen.length < jobs.length)}>
            {chosen.length < jobs.length ? `Select all ${jobs.length} shown` : 'Select none'}
          </Button>
          {chosen.length > 0 && (
            <>
              <span role="status">{plural(chosen.length, 'job')} selected</span>
              <Button size="sm" busy={pressed(false)} aria-disabled={busy || undefined} onClick={() => act(false)}>
                {!pressed(false) && <Pause aria-hidden />}
                Pause schedules
              </Button>
              <Button size="sm" busy={pressed(true)} aria-disabled={busy || undefined} onClick={() => act(true)}>
                {!pressed(true) && <Play aria-hidden />}
                Resume schedules
              </Button>
            </>
          )}
        </div>
      )}
      <div ref={report} role="status" aria-label="What became of the schedules" tabIndex={-1} className="border-b border-line bg-sunken px-4 py-2.5 text-sm outline-none empty:hidden">
        {busy ? (
          <p className="text-muted">{progress.total > 0 ? `${doing} ${plural(progress.total, 'schedule')}: ${progress.done} done` : `${doing}: reading the schedules`}</p>
        ) : (
          outcome && (
            <Report
              outcome={outcome}
              onUndo={() => change.mutate({ work: { jobs: [], schedules: outcome.switched, on: !outcome.on } })}
              onClose={() => {
                setOutcome(null)
                bar.current?.querySelector('button')?.focus()
              }}
            />
          )
        )}
      </div>
      {!busy && failure && <ErrorPanel error={failure} className="m-4 max-h-96 overflow-y-auto" onRetry={() => change.mutate({ work: leftOf(outcome), before: outcome })} />}
    </>
  )
}

function Report({ outcome, onUndo, onClose }: { outcome: Outcome; onUndo: () => void; onClose: () => void }) {
  const { on, switched, already, none } = outcome
  const done = on ? 'resumed' : 'paused'
  const waiting = switched.filter((schedule) => schedule.state !== 'active')
  const Icon = switched.length > 0 ? CircleCheck : Info
  return (
    <div className="flex gap-2.5 max-sm:flex-wrap">
      <Icon aria-hidden className={switched.length > 0 ? 'mt-1 size-4.5 shrink-0 text-ok-text' : 'mt-1 size-4.5 shrink-0 text-info-text'} />
      <div className="min-w-0 flex-1 space-y-0.5 self-center max-sm:min-w-48">
        <p className="font-medium">{switched.length > 0 ? `${sentence(done)} ${plural(switched.length, 'schedule')} of ${plural(jobsOf(switched), 'job')}.` : `No schedule was ${done}.`}</p>
        {already.length > 0 && (
          <p className="text-muted">
            {plural(already.length, 'schedule')} of {plural(jobsOf(already), 'job')} {already.length === 1 ? 'was' : 'were'} {on ? 'on' : 'paused'} already.
          </p>
        )}
        {none.length > 0 && (
          <p className="max-h-24 overflow-y-auto break-words text-muted">
            Nothing to {on ? 'resume' : 'pause'}:{' '}
            {none.map((job, i) => (
              <Fragment key={job.id}>
                {i > 0 && (i === none.length - 1 ? ' and ' : ', ')}
                <TextLink to={`/jobs/${job.id}?tab=schedule`}>{job.name}</TextLink>
              </Fragment>
            ))}{' '}
            {none.length === 1 ? 'has' : 'have'} no schedule.
          </p>
        )}
        {waiting.length > 0 && (
          <ul className="max-h-40 space-y-0.5 overflow-y-auto pt-1">
            {waiting.map((schedule) => (
              <li key={schedule.id} className="flex gap-1.5">
                <TriangleAlert aria-hidden className="mt-1 size-3.5 shrink-0 text-warn-text" />
                <span className="min-w-0 break-words">
                  <TextLink to={`/schedules/${schedule.id}`}>
                    {schedule.job_name}, <code className="font-mono text-xs">{schedule.cron_expression}</code>
                  </TextLink>{' '}
                  {schedule.state === 'broken' ? 'was refused' : on ? 'is not handed over yet' : 'is not handed over yet, and may fire until it is'}: {schedule.state_reason}
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
      <div className="flex shrink-0 items-start gap-1 max-sm:basis-full max-sm:pl-4.5">
        {switched.length > 0 && (
          <Button size="sm" variant="ghost" onClick={onUndo}>
            <Undo2 aria-hidden />
            Undo
          </Button>
        )}
        <Button size="icon-sm" variant="ghost" aria-label="Close the report" onClick={onClose}>
          <X aria-hidden />
        </Button>
      </div>
    </div>
  )
}
