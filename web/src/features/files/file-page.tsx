import { FileSpreadsheet } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function FilePage() {
  return (
    <>
      <PageHeader title="File" />
      <EmptyState icon={FileSpreadsheet} title="File">What a file holds.</EmptyState>
    </>
  )
}
