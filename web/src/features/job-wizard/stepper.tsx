import { Check } from 'lucide-react'
import { cn } from '@/shared/lib/cn'
import { steps, type StepId } from './wizard'

/** Where one is, and the way back. Steps behind the first one that lacks something wait for it. */
export function Stepper({ current, reachable, visited, onGo }: { current: StepId; reachable: StepId; visited: StepId[]; onGo: (step: StepId) => void }) {
  const at = steps.findIndex(({ id }) => id === current)
  const last = steps.findIndex(({ id }) => id === reachable)
  return (
    <nav aria-label="Steps" className="mb-5">
      <ol className="flex items-center gap-1 sm:gap-2">
        {steps.map(({ id, label }, i) => {
          const done = i < last && i !== at && visited.includes(id)
          return (
            <li key={id} className={cn('flex items-center gap-1 sm:gap-2', i > 0 && 'sm:flex-1')}>
              {i > 0 && <span aria-hidden className={cn('h-px min-w-2 flex-1 max-sm:hidden', i <= last ? 'bg-accent' : 'bg-line')} />}
              <button
                type="button"
                disabled={i > last}
                aria-current={i === at ? 'step' : undefined}
                onClick={() => onGo(id)}
                className={cn('flex h-8 items-center gap-2 rounded-full border py-1 pr-3 pl-1 text-sm font-medium max-sm:pr-1 disabled:cursor-not-allowed', {
                  'border-accent bg-accent-soft text-accent-text': i === at,
                  'border-line bg-surface text-text hover:bg-hover': i !== at && i <= last,
                  'border-transparent text-faint': i > last,
                  'max-sm:pr-3': i === at,
                })}
              >
                <span
                  aria-hidden
                  className={cn('grid size-6 shrink-0 place-items-center rounded-full text-xs tabular-nums', i === at ? 'bg-accent text-on-accent' : done ? 'bg-ok-soft text-ok-text' : 'bg-hover text-muted')}
                >
                  {done ? <Check className="size-3.5" /> : <span data-number={i + 1} className="before:content-[attr(data-number)]" />}
                </span>
                <span className={cn('whitespace-nowrap', i !== at && 'max-md:sr-only')}>{label}</span>
                {done && <span className="sr-only">, done</span>}
              </button>
            </li>
          )
        })}
      </ol>
    </nav>
  )
}
