import { ChevronRight } from 'lucide-react'
import { useEffect, useEffectEvent, useRef, type ReactNode } from 'react'
import { Link, NavigationType, useLocation, useNavigationType } from 'react-router'

let first = true

/**
 * The head of a page. Its h1 takes the focus when the route changes, so that a screen reader
 * says where one is, and names the document. `name` is the title as text where it is not.
 */
export function PageHeader({ title, name, crumbs = [], description, badge, actions }: {
  title: ReactNode
  name?: string
  crumbs?: { label: string; to: string }[]
  description?: ReactNode
  badge?: ReactNode
  actions?: ReactNode
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  const { pathname } = useLocation()
  const type = useNavigationType()
  const text = name ?? (typeof title === 'string' ? title : '')
  useEffect(() => {
    if (text) document.title = `${text} · ETL Portal`
  }, [text])
  const arrive = useEffectEvent(() => {
    // The first page of a visit starts where the browser starts it.
    if (!first) heading.current?.focus({ preventScroll: type === NavigationType.Pop })
    first = false
  })
  // View state that is written into the URL changes the type and leaves the focus where it is.
  useEffect(() => arrive(), [pathname])
  return (
    <div className="mb-5 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        {crumbs.length > 0 && (
          <nav aria-label="Breadcrumb" className="mb-1">
            <ol className="flex flex-wrap items-center gap-1 text-xs text-muted">
              {crumbs.map((crumb, i) => (
                <li key={crumb.to} className="flex min-w-0 items-center gap-1">
                  {i > 0 && <ChevronRight aria-hidden className="size-3 text-faint" />}
                  <Link to={crumb.to} className="max-w-48 truncate rounded py-1 hover:text-text hover:underline">
                    {crumb.label}
                  </Link>
                </li>
              ))}
            </ol>
          </nav>
        )}
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 ref={heading} tabIndex={-1} className="min-w-0 text-xl font-semibold tracking-tight break-words">
            {title}
          </h1>
          {badge}
        </div>
        {description && <div className="mt-1 max-w-[75ch] text-sm text-muted">{description}</div>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  )
}
