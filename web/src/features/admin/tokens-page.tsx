import { KeyRound } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function TokensPage() {
  return (
    <>
      <PageHeader title="API tokens" />
      <EmptyState icon={KeyRound} title="API tokens">Tokens of programs and people.</EmptyState>
    </>
  )
}
