import { House } from 'lucide-react'
import { EmptyState, PageHeader } from '@/shared/components'

export function HomePage() {
  return (
    <>
      <PageHeader title="Home" />
      <EmptyState icon={House} title="Home">The latest runs, files and jobs.</EmptyState>
    </>
  )
}
