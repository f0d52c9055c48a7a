import { useInfiniteQuery } from '@tanstack/react-query'
import { CalendarClock, CirclePlus } from 'lucide-react'
import * as z from 'zod'
import { itemsOf, schedulesQuery } from '@/shared/api/queries'
import { Button, ButtonLink, Card, EmptyState, ErrorPanel, LoadMore, PageHeader } from '@/shared/components'
import { ScheduleTable } from '@/shared/components/schedule-table'
import { searchOf, useSearchState } from '@/shared/lib/search-state'
import { JobChoice } from '@/shared/components/job-choice'

const choices = [
  { value: '', label: 'All' },
  { value: 'on', label: 'On' },
  { value: 'off', label: 'Off' },
] as const
const view = z.object({ show: z.enum(['', 'on', 'off']).catch(''), job: z.coerce.number().int().positive().optional().catch(undefined) })

export function SchedulesPage() {
  const [{ show, job }, setState] = useSearchState(view)
  const query = useInfiniteQuery(schedulesQuery({ ...(job ? { job_id: job } : {}), ...(show ? { enabled: show === 'on' ? 'true' : 'false' } : {}) }))
  const filtered = show !== '' || job !== undefined
  const create = `/schedules/new${searchOf({ job })}`
  return (
    <>
      <PageHeader
        title="Schedules"
        description="Jobs that run by themselves."
        actions={
          <ButtonLink to={create} variant="primary">
            <CirclePlus aria-hidden />
            New schedule
          </ButtonLink>
        }
      />
      <Card flush>
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2.5 border-b border-line px-4 py-3">
          <fieldset className="flex flex-wrap gap-1">
            <legend className="sr-only">Which</legend>
            {choices.map((each) => (
              <Button key={each.value} size="sm" variant={show === each.value ? 'secondary' : 'ghost'} aria-pressed={show === each.value} onClick={() => setState({ show: each.value }, { push: true })} className={show === each.value ? 'border-accent/40 bg-accent-soft text-accent-text' : ''}>
                {each.label}
              </Button>
            ))}
          </fieldset>
          <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2 sm:justify-end">
            <JobChoice aria-label="Job" className="w-full sm:w-56" none="All jobs" value={job} onChange={(id) => setState({ job: id }, { push: true })} />
            {filtered && (
              <Button size="sm" variant="ghost" onClick={() => setState({ show: '', job: undefined }, { push: true })}>
                Clear filters
              </Button>
            )}
          </div>
        </div>
        {query.error && <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} className="m-4" />}
        {(query.data ?? !query.error) && (
          <ScheduleTable
            caption="Schedules"
            schedules={itemsOf(query.data)}
            loading={query.isPending}
            footer={<LoadMore query={query} what="schedules" />}
            empty={
              filtered ? (
                <EmptyState icon={CalendarClock} title="No schedule fits these filters" action={<Button variant="primary" onClick={() => setState({ show: '', job: undefined }, { push: true })}>Clear filters</Button>} />
              ) : (
                <EmptyState icon={CalendarClock} title="Nothing runs by itself yet" action={<ButtonLink to={create} variant="primary">New schedule</ButtonLink>}>
                  A schedule runs a job every hour, every night, or whenever a cron expression says, by the clocks of the zone that you choose.
                </EmptyState>
              )
            }
          />
        )}
      </Card>
    </>
  )
}
