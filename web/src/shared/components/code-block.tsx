import { cn } from '../lib/cn'
import { CopyButton } from './copy-button'

/** Text to be copied as it stands: SQL, a GRANT, a command. */
export function CodeBlock({ code, label, wrap, className }: { code: string; label: string; wrap?: boolean; className?: string }) {
  return (
    <div className={cn('group relative overflow-hidden rounded-md border border-line bg-sunken', className)}>
      <pre
        tabIndex={0}
        aria-label={label}
        role="region"
        className={cn('max-h-96 overflow-auto p-3 pr-24 font-mono text-xs leading-5 text-text focus-visible:-outline-offset-2', wrap && 'break-words whitespace-pre-wrap')}
      >
        <code>{code}</code>
      </pre>
      <div className="absolute top-1.5 right-1.5 rounded-md bg-sunken">
        <CopyButton text={code} />
      </div>
    </div>
  )
}
