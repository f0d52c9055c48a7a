import type { ComponentProps, ReactNode } from 'react'
import { cn } from '../lib/cn'

/** A surface. With a title it is a section with a heading of its own. */
export function Card({ title, description, actions, flush, className, children, ...rest }: Omit<ComponentProps<'section'>, 'title'> & {
  title?: ReactNode
  description?: ReactNode
  actions?: ReactNode
  /** Without padding around the content, for tables. */
  flush?: boolean
}) {
  return (
    <section {...rest} className={cn('min-w-0 overflow-hidden rounded-lg border border-line bg-surface shadow-card', className)}>
      {(title || actions) && (
        <header className="flex min-h-11 flex-wrap items-center justify-between gap-x-3 gap-y-1 border-b border-line px-4 py-2">
          <div className="min-w-0">
            <h2 className="text-sm font-semibold">{title}</h2>
            {description && <p className="text-xs text-muted">{description}</p>}
          </div>
          {actions && <div className="-mr-2 flex items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={flush ? '' : 'p-4'}>{children}</div>
    </section>
  )
}

/** Names and values in two columns. */
export function Facts({ items, className }: { items: { name: ReactNode; value: ReactNode }[]; className?: string }) {
  return (
    <dl className={cn('grid grid-cols-[minmax(6rem,auto)_1fr] gap-x-6 gap-y-2 text-sm', className)}>
      {items.map((item, i) => (
        <div key={i} className="contents">
          <dt className="text-muted">{item.name}</dt>
          <dd className="min-w-0 break-words">{item.value}</dd>
        </div>
      ))}
    </dl>
  )
}
