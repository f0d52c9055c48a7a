import { cn } from '../lib/cn'

/** Takes the room of what is loading; shows itself after 300 ms, so that fast answers do not flicker. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn('animate-late rounded-md bg-hover', className ?? 'h-4 w-full')} />
}

/** Several lines of skeleton, and one word for screen readers. */
export function SkeletonLines({ lines = 5, label = 'Loading', className }: { lines?: number; label?: string; className?: string }) {
  return (
    <div role="status" className={cn('space-y-3 p-4', className)}>
      <span className="sr-only">{label}</span>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} className={cn('h-4', i % 3 === 2 ? 'w-2/3' : 'w-full')} />
      ))}
    </div>
  )
}
