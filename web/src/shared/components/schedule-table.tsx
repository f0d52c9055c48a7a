import { Ellipsis, ListChecks, PencilLine, Trash2 } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useNavigate } from 'react-router'
import type { Schedule } from '../api/model'
import { Button } from './button'
import { DataTable, type DataColumn } from './data-table'
import { ErrorPanel } from './error-panel'
import { Menu } from './menu'
import { RowLink } from './row-link'
import { DeleteSchedule } from './schedule-delete'
import { CronWords, LastFiring, NextFiring, ScheduleState } from './schedule-marks'
import { useScheduleSwitch } from './schedule-switch'
import { Badge } from './status-badge'
import { Switch } from './switch'

/** Schedules in rows: what, when, how the last time went, and the switch of each. With `job` they are all of one, whose name is left out. */
export function ScheduleTable({ caption, schedules, loading, job, empty, footer }: { caption: string; schedules: Schedule[]; loading: boolean; job?: boolean; empty: ReactNode; footer?: ReactNode }) {
  const navigate = useNavigate()
  const toggle = useScheduleSwitch()
  const [deleting, setDeleting] = useState<Schedule | null>(null)
  const columns: DataColumn<Schedule>[] = [
    {
      id: 'what',
      header: 'Schedule',
      cell: (schedule) => (
        <div className="min-w-0 py-0.5">
          <RowLink to={`/schedules/${schedule.id}`}>
            <span className="break-words">{job ? <CronWords expression={schedule.cron_expression} /> : schedule.job_name}</span>
          </RowLink>
          {!job && (
            <p className="text-xs break-words text-muted">
              <CronWords expression={schedule.cron_expression} />
            </p>
          )}
          <p className="flex flex-wrap items-center gap-x-2 text-2xs text-muted">
            <code className="font-mono whitespace-nowrap">{schedule.cron_expression}</code>
            <span className="lg:hidden">{schedule.timezone}</span>
          </p>
          <p className="mt-0.5 flex flex-wrap items-center gap-2 text-xs text-muted empty:hidden md:hidden">
            {schedule.enabled && <NextFiring schedule={schedule} />}
            <ScheduleState schedule={schedule} />
          </p>
        </div>
      ),
    },
    { id: 'zone', header: 'Zone', from: 'lg', cell: (schedule) => <span className="text-xs">{schedule.timezone}</span> },
    { id: 'next', header: 'Next', from: 'md', cell: (schedule) => <NextFiring schedule={schedule} /> },
    { id: 'last', header: 'Last', from: 'md', cell: (schedule) => <LastFiring schedule={schedule} /> },
    {
      id: 'engine',
      header: 'Fired by',
      from: 'md',
      cell: (schedule) => (
        <span className="inline-flex flex-wrap items-center gap-2">
          {schedule.engine === 'airflow' ? <Badge tone="accent">Airflow</Badge> : <span className="text-xs text-muted">the portal</span>}
          <ScheduleState schedule={schedule} />
        </span>
      ),
    },
    {
      id: 'on',
      header: 'On',
      align: 'right',
      width: '6.5rem',
      cell: (schedule) => {
        const busy = toggle.isPending && toggle.variables.schedule.id === schedule.id
        const name = job ? schedule.cron_expression : `${schedule.job_name}, ${schedule.cron_expression}`
        return (
          <div className="flex items-center justify-end gap-1.5">
            <Switch aria-label={`On: ${name}`} checked={busy ? toggle.variables.on : schedule.enabled} busy={busy} onChange={(on) => toggle.mutate({ schedule, on })} />
            <Menu
              trigger={
                <Button variant="ghost" size="icon-sm" aria-label={`More for ${name}`}>
                  <Ellipsis aria-hidden />
                </Button>
              }
              items={[
                { label: 'Change', icon: PencilLine, onSelect: () => void navigate(`/schedules/${schedule.id}`) },
                { label: 'Runs of the job', icon: ListChecks, onSelect: () => void navigate(`/runs?job=${schedule.job_id}`) },
                null,
                { label: 'Delete', icon: Trash2, danger: true, onSelect: () => setDeleting(schedule) },
              ]}
            />
          </div>
        )
      },
    },
  ]
  return (
    <>
      {toggle.error && <ErrorPanel error={toggle.error} className="m-4" />}
      <DataTable caption={caption} columns={columns} rows={schedules} rowKey={(schedule) => schedule.id} loading={loading} empty={empty} footer={footer} />
      {deleting && <DeleteSchedule schedule={deleting} open onOpenChange={(open) => !open && setDeleting(null)} />}
    </>
  )
}
