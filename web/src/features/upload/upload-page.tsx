import { Upload } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function UploadPage() {
  return (
    <>
      <PageHeader title="Upload files" />
      <EmptyState icon={Upload} title="Upload files">CSV files, several at a time.</EmptyState>
    </>
  )
}
