import { Switch as Radix } from 'radix-ui'
import { cn } from '../lib/cn'

/** On or off, at once. Its name says what is on. */
export function Switch({ checked, onChange, busy, className, ...rest }: { checked: boolean; onChange: (checked: boolean) => void; busy?: boolean; className?: string; id?: string; 'aria-label'?: string }) {
  return (
    <Radix.Root
      {...rest}
      checked={checked}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onCheckedChange={(next) => {
        if (!busy) onChange(next)
      }}
      className={cn('relative inline-flex h-6 w-10 shrink-0 items-center rounded-full border border-line-strong bg-sunken transition-colors hover:border-muted data-[state=checked]:border-accent data-[state=checked]:bg-accent', busy && 'opacity-60', className)}
    >
      <Radix.Thumb className="block size-4 translate-x-1 rounded-full bg-line-strong transition-transform data-[state=checked]:translate-x-5 data-[state=checked]:bg-on-accent" />
    </Radix.Root>
  )
}
