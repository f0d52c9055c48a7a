import { useInfiniteQuery } from '@tanstack/react-query'
import { CalendarClock, CirclePlus } from 'lucide-react'
import type { Job } from '@/shared/api/model'
import { itemsOf, schedulesQuery } from '@/shared/api/queries'
import { ButtonLink, Card, EmptyState, ErrorPanel, LoadMore } from '@/shared/components'
import { ScheduleTable } from '@/shared/components/schedule-table'

/** When the job runs by itself. */
export function Schedules({ job }: { job: Job }) {
  const query = useInfiniteQuery(schedulesQuery({ job_id: job.id }))
  const schedules = itemsOf(query.data)
  const create = `/schedules/new?job=${job.id}`
  if (query.error && !query.data) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
  return (
    <Card
      flush
      title={schedules.length > 0 && 'Runs by itself'}
      actions={
        schedules.length > 0 && (
          <ButtonLink to={create} size="sm">
            <CirclePlus aria-hidden />
            New schedule
          </ButtonLink>
        )
      }
    >
      <ScheduleTable
        job
        caption={`Schedules of ${job.name}`}
        schedules={schedules}
        loading={query.isPending}
        footer={<LoadMore query={query} what="schedules" />}
        empty={
          <EmptyState icon={CalendarClock} title="Run it by itself" action={<ButtonLink to={create} variant="primary">New schedule</ButtonLink>}>
            A schedule runs the job every hour, every night, or whenever a cron expression says.
          </EmptyState>
        }
      />
    </Card>
  )
}
