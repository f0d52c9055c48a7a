import { FileSpreadsheet } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function FilesPage() {
  return (
    <>
      <PageHeader title="Files" />
      <EmptyState icon={FileSpreadsheet} title="Files">Uploaded CSV files.</EmptyState>
    </>
  )
}
