import { Workflow } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function JobsPage() {
  return (
    <>
      <PageHeader title="Jobs" />
      <EmptyState icon={Workflow} title="Jobs">Files and the tables they go into.</EmptyState>
    </>
  )
}
