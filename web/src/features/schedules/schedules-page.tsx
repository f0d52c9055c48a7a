import { CalendarClock } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function SchedulesPage() {
  return (
    <>
      <PageHeader title="Schedules" />
      <EmptyState icon={CalendarClock} title="Schedules">Jobs that run by themselves.</EmptyState>
    </>
  )
}
