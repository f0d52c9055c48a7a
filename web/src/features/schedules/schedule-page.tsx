import { CalendarClock } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function SchedulePage() {
  return (
    <>
      <PageHeader title="Schedule" />
      <EmptyState icon={CalendarClock} title="Schedule">One schedule.</EmptyState>
    </>
  )
}
