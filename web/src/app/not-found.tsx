import { Compass } from 'lucide-react'
import { useLocation } from 'react-router'
import { ButtonLink, EmptyState, PageHeader } from '@/shared/components'

export function NotFoundPage() {
  const { pathname } = useLocation()
  return (
    <>
      <PageHeader title="Page not found" />
      <div className="rounded-lg border border-line bg-surface">
        <EmptyState icon={Compass} title="There is nothing at this address" action={<ButtonLink to="/" variant="primary">Go to the home page</ButtonLink>} sample={<ButtonLink to="/runs">See all runs</ButtonLink>}>
          <p>
            <code className="font-mono text-xs break-all">{pathname}</code> is no page of the portal. The link may be misspelled, or what it named was deleted.
          </p>
        </EmptyState>
      </div>
    </>
  )
}
