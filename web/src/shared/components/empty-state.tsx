import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

/** What there could be here, one action, and beside it a sample to try. */
export function EmptyState({ icon: Icon, title, children, action, sample, level = 2 }: {
  icon: LucideIcon
  title: string
  children?: ReactNode
  action?: ReactNode
  sample?: ReactNode
  /** Level of its heading. */
  level?: 2 | 3
}) {
  const Heading = level === 2 ? 'h2' : 'h3'
  return (
    <div className="flex flex-col items-center px-6 py-12 text-center">
      <div aria-hidden className="mb-4 grid size-11 place-items-center rounded-xl border border-line bg-sunken text-accent-text">
        <Icon className="size-5" strokeWidth={1.75} />
      </div>
      <Heading className="text-base font-semibold">{title}</Heading>
      {children && <div className="mt-1.5 max-w-[52ch] text-sm text-balance text-muted">{children}</div>}
      {(action || sample) && (
        <div className="mt-5 flex flex-wrap items-center justify-center gap-2">
          {action}
          {sample}
        </div>
      )}
    </div>
  )
}
