import { Link, type LinkProps } from 'react-router'
import { cn } from '../lib/cn'

/** The main link of a row or card: its name. */
export function RowLink({ className, ...rest }: LinkProps) {
  return <Link {...rest} className={cn('inline-flex min-h-6 max-w-full min-w-0 items-center rounded font-medium text-text underline-offset-2 hover:text-accent-text hover:underline', className)} />
}

/** A link in running text. */
export function TextLink({ className, ...rest }: LinkProps) {
  return <Link {...rest} className={cn('rounded text-accent-text underline underline-offset-2 hover:no-underline', className)} />
}
