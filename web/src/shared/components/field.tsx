import { useEffect, useId, useRef, type ComponentProps, type ReactNode } from 'react'
import { cn } from '../lib/cn'

const control =
  'w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-sm text-text placeholder:text-faint hover:border-muted focus-visible:outline-offset-0 disabled:cursor-not-allowed disabled:opacity-60 aria-invalid:border-bad aria-invalid:bg-bad-soft'

/** A text field; give it the props that Field hands over. */
export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...rest} className={cn(control, 'h-8', className)} />
}

/** A field of several lines. */
export function Textarea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea {...rest} className={cn(control, 'min-h-20 py-1.5 leading-5', className)} />
}

/** A choice; the browser's own, which every keyboard, phone and screen reader knows. */
export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <select {...rest} className={cn(control, 'select-arrow h-8 appearance-none pr-7', className)}>
      {children}
    </select>
  )
}

/** A box to tick with its label beside it. */
export function Checkbox({ label, hint, className, ...rest }: Omit<ComponentProps<'input'>, 'type'> & { label: ReactNode; hint?: ReactNode }) {
  const id = useId()
  return (
    <div className={cn('flex gap-2', className)}>
      <input {...rest} id={rest.id ?? id} type="checkbox" aria-describedby={hint ? `${id}-hint` : undefined} className="tick" />
      <div className="min-w-0">
        <label htmlFor={rest.id ?? id} className="block min-h-6 text-sm leading-5.5">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-xs text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}

/** What Field hands to its control. */
export interface ControlProps {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': true | undefined
  'aria-required': true | undefined
}

/** A label, a hint and an error around a control: `<Field label="Host" name="host" error={…}>{(props) => <Input {...props} {...register('host')} />}</Field>` */
export function Field({ label, name, hint, error, required, optional, className, children }: {
  label: ReactNode
  /** The field's name; the error summary links to it. */
  name: string
  hint?: ReactNode
  error?: string
  required?: boolean
  optional?: boolean
  className?: string
  children: (props: ControlProps) => ReactNode
}) {
  const id = `field-${name}`
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className={cn('min-w-0', className)}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
        {optional && <span className="font-normal text-muted"> (optional)</span>}
      </label>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error ? true : undefined, 'aria-required': required || undefined })}
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-muted">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="mt-1 text-xs font-medium text-bad-text">
          {error}
        </p>
      )}
    </div>
  )
}

/** All errors of a form, each a link to its field. It takes the focus whenever `attempt` grows; `onGo` answers whether it leads to a field itself. */
export function ErrorSummary({ errors, attempt, onGo }: { errors: { name: string; message: string }[]; attempt: number; onGo?: (name: string) => boolean }) {
  const panel = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (attempt > 0) panel.current?.focus()
  }, [attempt])
  if (errors.length === 0) return null
  return (
    <div ref={panel} tabIndex={-1} role="alert" className="rounded-lg border border-bad/35 bg-bad-soft p-3 text-sm">
      <p className="font-semibold text-bad-text">{errors.length === 1 ? 'One thing is to be corrected' : `${errors.length} things are to be corrected`}</p>
      <ul className="mt-1 list-disc pl-5">
        {errors.map((each) => (
          <li key={`${each.name} ${each.message}`}>
            <a
              href={`#field-${each.name}`}
              className="inline-block py-0.5 underline"
              onClick={(event) => {
                event.preventDefault()
                if (!onGo?.(each.name)) document.getElementById(`field-${each.name}`)?.focus()
              }}
            >
              {each.message}
            </a>
          </li>
        ))}
      </ul>
    </div>
  )
}
