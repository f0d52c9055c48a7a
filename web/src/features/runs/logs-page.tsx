import { ListChecks } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function LogsPage() {
  return (
    <>
      <PageHeader title="Logs" />
      <EmptyState icon={ListChecks} title="Logs">What a run logged.</EmptyState>
    </>
  )
}
