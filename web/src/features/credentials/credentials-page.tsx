import { Cable } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function CredentialsPage() {
  return (
    <>
      <PageHeader title="Destinations" />
      <EmptyState icon={Cable} title="Destinations">Databases to load into.</EmptyState>
    </>
  )
}
