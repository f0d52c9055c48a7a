import { ListChecks } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function RunPage() {
  return (
    <>
      <PageHeader title="Run" />
      <EmptyState icon={ListChecks} title="Run">One load.</EmptyState>
    </>
  )
}
