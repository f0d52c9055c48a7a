import { ListChecks } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function RunsPage() {
  return (
    <>
      <PageHeader title="Runs" />
      <EmptyState icon={ListChecks} title="Runs">Every load there was.</EmptyState>
    </>
  )
}
