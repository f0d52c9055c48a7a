import { Ban, Check, LoaderCircle, X } from 'lucide-react'
import type { Run } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { stepsOf, type StepState } from './steps'

const looks: Record<StepState, { word: string; dot: string; icon?: typeof Check }> = {
  waiting: { word: 'not yet', dot: 'border-line bg-surface text-faint' },
  current: { word: 'under way', dot: 'border-accent bg-accent-soft text-accent-text', icon: LoaderCircle },
  done: { word: 'done', dot: 'border-ok bg-ok-soft text-ok-text', icon: Check },
  failed: { word: 'failed', dot: 'border-bad bg-bad-soft text-bad-text', icon: X },
  stopped: { word: 'cancelled', dot: 'border-line-strong bg-sunken text-muted', icon: Ban },
}

/** The five steps of a run: beside each other where there is room, else below each other. */
export function Stepper({ run }: { run: Run }) {
  const steps = stepsOf(run)
  return (
    <ol aria-label="Steps of the run" className="grid gap-0 md:grid-cols-5">
      {steps.map((step, i) => {
        const look = looks[step.state]
        const Icon = look.icon
        const last = i === steps.length - 1
        return (
          <li key={step.name} aria-current={step.state === 'current' ? 'step' : undefined} className={cn('relative flex gap-3 max-md:pb-3 md:flex-col md:gap-2', last && 'max-md:pb-0')}>
            {!last && (
              <span
                aria-hidden
                className={cn(
                  'absolute max-md:top-7 max-md:bottom-1 max-md:left-[13px] max-md:w-0.5 md:top-[13px] md:right-2 md:left-9 md:h-0.5',
                  step.state === 'done' ? 'bg-ok/60' : 'bg-line',
                )}
              />
            )}
            <span className={cn('grid size-7 shrink-0 place-items-center rounded-full border-2 text-xs font-semibold', look.dot)}>
              {Icon ? <Icon aria-hidden className={cn('size-4', step.state === 'current' && 'animate-spin')} strokeWidth={2.25} /> : <span aria-hidden>{i + 1}</span>}
            </span>
            <div className="min-w-0 max-md:min-h-7 max-md:pt-0.5 md:pr-3">
              <p className={cn('text-sm font-medium', step.state === 'waiting' && 'text-muted')}>
                {step.name}
                <span className="sr-only">: {look.word}</span>
              </p>
              {step.note && <p className="text-xs text-muted">{step.note}</p>}
            </div>
          </li>
        )
      })}
    </ol>
  )
}
