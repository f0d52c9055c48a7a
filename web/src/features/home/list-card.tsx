import type { ReactNode } from 'react'
import { ButtonLink, Card } from '@/shared/components'

/** A short list with the way to the whole one. */
export function ListCard<T>({ title, all, to, none, items, itemKey, className = '', children }: {
  title: string
  /** What the whole list is called, and where it is. */
  all: string
  to: string
  /** Shown where there is nothing. */
  none: ReactNode
  items: T[]
  itemKey: (item: T) => string | number
  /** Of each item. */
  className?: string
  children: (item: T) => ReactNode
}) {
  return (
    <Card
      title={title}
      flush
      actions={
        <ButtonLink to={to} variant="ghost" size="sm">
          {all}
        </ButtonLink>
      }
    >
      {items.length === 0 ? (
        <p className="px-4 py-5 text-sm text-muted">{none}</p>
      ) : (
        <ul className="divide-y divide-line">
          {items.map((item) => (
            <li key={itemKey(item)} className={`px-4 py-2 ${className}`}>
              {children(item)}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
