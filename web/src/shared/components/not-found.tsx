import { Compass } from 'lucide-react'
import type { ReactNode } from 'react'
import { useLocation, useParams } from 'react-router'
import { ButtonLink } from './button'
import { EmptyState } from './empty-state'
import { PageHeader } from './page-header'

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

/** A page of the number that its path names; where that is no number there is no such page, and nothing is asked for. */
export function ById({ param, children }: { param: string; children: (id: number) => ReactNode }) {
  const text = useParams()[param] ?? ''
  const id = Number(text)
  return /^[1-9]\d*$/.test(text) && Number.isSafeInteger(id) ? children(id) : <NotFoundPage />
}
