import { Cable } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function NewCredentialPage() {
  return (
    <>
      <PageHeader title="New destination" />
      <EmptyState icon={Cable} title="New destination">A database to load into.</EmptyState>
    </>
  )
}
