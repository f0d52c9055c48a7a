import type { ReactNode } from 'react'
import { cn } from '../lib/cn'

/** A choice among a few, with what it means. Put several into a fieldset with a legend. */
export function OptionCard({ group, id, checked, onChoose, title, badge, children, className }: {
  group: string
  id?: string
  checked: boolean
  onChoose: () => void
  title: ReactNode
  badge?: ReactNode
  children?: ReactNode
  className?: string
}) {
  return (
    <label
      className={cn(
        'flex cursor-pointer gap-3 rounded-lg border bg-surface p-3 shadow-card transition-colors hover:bg-hover has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent',
        checked ? 'border-accent bg-accent-soft/50 hover:bg-accent-soft/50' : 'border-line',
        className,
      )}
    >
      <input id={id} type="radio" name={group} checked={checked} onChange={onChoose} className="mt-0.5 size-4.5 shrink-0 accent-accent outline-none" />
      <span className="min-w-0 flex-1">
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
          <span className="min-w-0 break-words">{title}</span>
          {badge}
        </span>
        {children && <span className="mt-0.5 block text-xs break-words text-muted">{children}</span>}
      </span>
    </label>
  )
}
