import { Cable } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function CredentialPage() {
  return (
    <>
      <PageHeader title="Destination" />
      <EmptyState icon={Cable} title="Destination">One database.</EmptyState>
    </>
  )
}
