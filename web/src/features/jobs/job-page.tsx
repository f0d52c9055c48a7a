import { Workflow } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function JobPage() {
  return (
    <>
      <PageHeader title="Job" />
      <EmptyState icon={Workflow} title="Job">One job.</EmptyState>
    </>
  )
}
