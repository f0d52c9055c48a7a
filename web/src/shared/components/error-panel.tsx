import { CircleX, Lightbulb, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { toProblem } from '../api/problem'
import { cn } from '../lib/cn'
import { Button } from './button'
import { CopyButton } from './copy-button'

/** A failure: what happened, what to do, where, and under which id the portal's log has it. */
export function ErrorPanel({ error, onRetry, retrying, actions, className }: {
  error: unknown
  onRetry?: () => void
  retrying?: boolean
  actions?: ReactNode
  className?: string
}) {
  const problem = toProblem(error)
  const places = [problem.line !== undefined && `line ${problem.line}`, problem.column && `column ${problem.column}`, problem.value !== undefined && `value “${problem.value}”`].filter(Boolean)
  return (
    <div role="alert" className={cn('rounded-lg border border-bad/35 bg-bad-soft p-4 text-sm', className)}>
      <div className="flex gap-3">
        <CircleX aria-hidden className="mt-0.5 size-4.5 shrink-0 text-bad-text" />
        <div className="min-w-0 flex-1">
          <p className="font-semibold text-bad-text">{problem.title}</p>
          {problem.detail && problem.detail !== problem.title && <p className="mt-0.5 break-words">{problem.detail}</p>}
          {places.length > 0 && <p className="mt-0.5 font-mono text-xs break-words">{places.join(' · ')}</p>}
          {problem.errors.length > 0 && (
            <ul className="mt-2 list-disc space-y-0.5 pl-4">
              {problem.errors.map((each, i) => (
                <li key={i} className="break-words">
                  <code className="font-mono text-xs">{each.location}</code> {each.message}
                </li>
              ))}
            </ul>
          )}
          {problem.fix && (
            <p className="mt-2 flex gap-2">
              <Lightbulb aria-hidden className="mt-0.5 size-4 shrink-0 text-warn-text" />
              <span className="min-w-0 break-words">
                <span className="font-medium">Fix: </span>
                {problem.fix}
              </span>
            </p>
          )}
          <div className="mt-3 flex flex-wrap items-center gap-2">
            {onRetry && (
              <Button size="sm" onClick={onRetry} busy={retrying}>
                {!retrying && <RotateCw aria-hidden />}
                Try again
              </Button>
            )}
            {actions}
            <CopyButton text={() => problem.report()} label="Copy details" />
            {problem.requestId && <span className="font-mono text-2xs break-all text-muted">request {problem.requestId}</span>}
          </div>
        </div>
      </div>
    </div>
  )
}
