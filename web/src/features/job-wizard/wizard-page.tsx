import { Workflow } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function WizardPage() {
  return (
    <>
      <PageHeader title="New job" />
      <EmptyState icon={Workflow} title="New job">From a file to a table.</EmptyState>
    </>
  )
}
