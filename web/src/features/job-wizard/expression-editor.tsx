import { useId, useMemo, useRef, useState, type KeyboardEvent, type SyntheticEvent } from 'react'
import { cn } from '@/shared/lib/cn'
import { functions, reference } from './catalog'
import type { MappingProblem } from './queries'

interface Completion {
  /** What is written. */
  insert: string
  label: string
  detail: string
}

/** The word that is being typed, and where it starts. */
export function wordAt(text: string, caret: number): { word: string; start: number } {
  const word = /[\p{L}_][\p{L}\p{N}_]*$/u.exec(text.slice(0, caret))?.[0] ?? ''
  return { word, start: caret - word.length }
}

/** Columns first, then functions; those that begin with the word before those that have it inside. */
export function completionsFor(word: string, columns: string[], limit = 8): Completion[] {
  const wanted = word.toLowerCase()
  const all: Completion[] = [
    ...columns.map((name) => ({ insert: reference(name), label: name, detail: 'column' })),
    ...functions.map(({ name, signature, what }) => ({ insert: `${name}(`, label: signature, detail: what })),
  ]
  const begins = all.filter(({ label }) => label.toLowerCase().startsWith(wanted))
  const has = wanted.length > 1 ? all.filter(({ label }) => !label.toLowerCase().startsWith(wanted) && label.toLowerCase().split('(')[0]?.includes(wanted)) : []
  return [...begins, ...has].slice(0, limit)
}

/** Where a problem's position (line and column from 1, in characters) is in the text, in UTF-16 units; at least one is marked. */
export function spanOf(text: string, position: NonNullable<MappingProblem['position']>): { start: number; end: number } {
  const lines = text.split('\n')
  const before = lines.slice(0, position.line - 1).reduce((sum, line) => sum + line.length + 1, 0)
  const characters = Array.from(lines[position.line - 1] ?? '')
  const start = before + characters.slice(0, position.column - 1).join('').length
  const length = Array.from(text.slice(start)).slice(0, Math.max(1, position.length)).join('').length
  return { start, end: Math.min(text.length, start + length) }
}

const face = '[scrollbar-gutter:stable] rounded-md border px-2.5 py-1.5 font-mono text-xs leading-5 break-words whitespace-pre-wrap'

/**
 * A field for an expression: columns and functions are offered while one types (arrows, Enter or
 * Tab take one, Esc closes), and what is wrong is underlined where it stands.
 */
export function ExpressionEditor({ id, value, onChange, columns, error, describedBy, label, placeholder }: {
  id: string
  value: string
  onChange: (value: string) => void
  columns: string[]
  error?: MappingProblem
  describedBy?: string
  label?: string
  placeholder?: string
}) {
  const list = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  const marks = useRef<HTMLDivElement>(null)
  const [caret, setCaret] = useState<number | null>(null)
  const [active, setActive] = useState(0)
  const { word, start } = wordAt(value, caret ?? 0)
  const completions = useMemo(() => (caret === null || word === '' ? [] : completionsFor(word, columns).filter(({ insert }) => insert !== word)), [caret, word, columns])
  const open = completions.length > 0
  const chosen = Math.min(active, completions.length - 1)
  const span = error?.position && value ? spanOf(value, error.position) : null

  const take = (completion: Completion) => {
    const end = caret ?? value.length
    const next = value.slice(0, start) + completion.insert + value.slice(end)
    onChange(next)
    setCaret(null)
    const at = start + completion.insert.length
    requestAnimationFrame(() => {
      field.current?.focus()
      field.current?.setSelectionRange(at, at)
    })
  }
  const key = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.ctrlKey || event.metaKey || !open) {
      if (event.key === ' ' && event.ctrlKey) setCaret(event.currentTarget.selectionStart)
      return
    }
    const completion = completions[chosen]
    if (event.key === 'ArrowDown') setActive((chosen + 1) % completions.length)
    else if (event.key === 'ArrowUp') setActive((chosen - 1 + completions.length) % completions.length)
    else if ((event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey)) && completion) take(completion)
    else if (event.key === 'Escape') setCaret(null)
    else return
    event.preventDefault()
  }
  const typed = (event: SyntheticEvent<HTMLTextAreaElement>) => {
    setActive(0)
    setCaret(event.currentTarget.selectionStart)
  }
  return (
    <div className="relative">
      <div ref={marks} aria-hidden className={cn(face, 'pointer-events-none absolute inset-0 overflow-hidden border-transparent text-transparent')}>
        {span ? (
          <>
            {value.slice(0, span.start)}
            <span data-error-mark className="rounded-xs bg-bad-soft underline decoration-bad decoration-wavy decoration-1 underline-offset-4">
              {value.slice(span.start, span.end) || ' '}
            </span>
            {value.slice(span.end)}
          </>
        ) : (
          value
        )}
      </div>
      <textarea
        ref={field}
        id={id}
        rows={2}
        value={value}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        placeholder={placeholder}
        aria-label={label}
        aria-describedby={describedBy}
        aria-invalid={error ? true : undefined}
        aria-autocomplete="list"
        aria-controls={open ? list : undefined}
        aria-activedescendant={open ? `${list}-${chosen}` : undefined}
        onChange={(event) => {
          onChange(event.target.value)
          typed(event)
        }}
        onKeyDown={key}
        // The marks behind the text go along with it.
        onScroll={(event) => marks.current?.scrollTo({ top: event.currentTarget.scrollTop })}
        onKeyUp={(event) => {
          if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') setCaret(null)
        }}
        onClick={() => setCaret(null)}
        onBlur={() => setCaret(null)}
        className={cn(face, 'relative block field-sizing-content max-h-48 min-h-14 w-full overflow-y-auto resize-none bg-transparent text-text placeholder:text-faint focus-visible:outline-offset-0', error ? 'border-bad' : 'border-line-strong')}
      />
      {open && (
        <ul id={list} role="listbox" aria-label="Columns and functions" className="absolute top-full left-0 z-20 mt-1 max-h-64 w-full max-w-md overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-pop">
          {completions.map((each, i) => (
            <li
              key={each.label}
              id={`${list}-${i}`}
              role="option"
              aria-selected={i === chosen}
              // The field keeps the focus.
              onMouseDown={(event) => {
                event.preventDefault()
                take(each)
              }}
              className={cn('flex min-h-7 cursor-default items-baseline justify-between gap-3 rounded-md px-2 py-1 text-xs', i === chosen && 'bg-hover')}
            >
              <span className="truncate font-mono">{each.label}</span>
              <span className="shrink-0 text-2xs text-muted">{each.detail}</span>
            </li>
          ))}
        </ul>
      )}
      <span role="status" className="sr-only">
        {open ? `${completions.length} to choose from: ${completions[chosen]?.label ?? ''}` : ''}
      </span>
    </div>
  )
}

/** What is wrong with an expression, and how to mend it. */
export function ProblemLine({ problem, id }: { problem: MappingProblem; id?: string }) {
  return (
    <p id={id} className="mt-1 text-xs break-words text-bad-text">
      <span className="font-medium">{problem.message[0]?.toUpperCase()}{problem.message.slice(1)}.</span>
      {problem.position && <span className="text-muted"> At character {problem.position.column}{problem.position.line > 1 ? ` of line ${problem.position.line}` : ''}.</span>}
      {problem.fix && <span className="text-text"> {problem.fix}</span>}
    </p>
  )
}
