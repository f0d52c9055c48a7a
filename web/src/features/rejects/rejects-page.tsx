import { ListX } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function RejectsPage() {
  return (
    <>
      <PageHeader title="Rejected rows" />
      <EmptyState icon={ListX} title="Rejected rows">Rows that could not be loaded.</EmptyState>
    </>
  )
}
