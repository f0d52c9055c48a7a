import { Ban, CircleCheck, CircleDashed, CircleX, Info, LoaderCircle, TriangleAlert, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '../lib/cn'

export type Tone = 'neutral' | 'ok' | 'warn' | 'bad' | 'info' | 'accent'

const tones: Record<Tone, string> = {
  neutral: 'border-line bg-sunken text-muted',
  ok: 'border-ok/30 bg-ok-soft text-ok-text',
  warn: 'border-warn/40 bg-warn-soft text-warn-text',
  bad: 'border-bad/30 bg-bad-soft text-bad-text',
  info: 'border-info/30 bg-info-soft text-info-text',
  accent: 'border-accent/30 bg-accent-soft text-accent-text',
}

/** A word with an icon: never colour alone. */
export function Badge({ tone = 'neutral', icon: Icon, spin, className, children }: { tone?: Tone; icon?: LucideIcon; spin?: boolean; className?: string; children: ReactNode }) {
  return (
    <span className={cn('inline-flex h-5.5 max-w-full items-center gap-1 rounded-full border px-2 text-xs font-medium whitespace-nowrap', tones[tone], className)}>
      {Icon && <Icon aria-hidden className={cn('size-3.5 shrink-0', spin && 'animate-spin')} />}
      {children}
    </span>
  )
}

const known: Record<string, { label: string; tone: Tone; icon: LucideIcon; spin?: boolean }> = {
  PENDING: { label: 'Pending', tone: 'neutral', icon: CircleDashed },
  RUNNING: { label: 'Running', tone: 'info', icon: LoaderCircle, spin: true },
  COMPLETED: { label: 'Completed', tone: 'ok', icon: CircleCheck },
  FAILED: { label: 'Failed', tone: 'bad', icon: CircleX },
  CANCELLED: { label: 'Cancelled', tone: 'neutral', icon: Ban },
  uploading: { label: 'Uploading', tone: 'info', icon: LoaderCircle, spin: true },
  sampled: { label: 'Sampled', tone: 'warn', icon: CircleDashed },
  running: { label: 'Profiling', tone: 'info', icon: LoaderCircle, spin: true },
  complete: { label: 'Whole file', tone: 'ok', icon: CircleCheck },
  failed: { label: 'Failed', tone: 'bad', icon: CircleX },
  debug: { label: 'Debug', tone: 'neutral', icon: Info },
  info: { label: 'Info', tone: 'info', icon: Info },
  warn: { label: 'Warning', tone: 'warn', icon: TriangleAlert },
  error: { label: 'Error', tone: 'bad', icon: CircleX },
}

/** The state of a run, of a file's profile, or the level of a log entry. */
export function StatusBadge({ status, label }: { status: string; label?: string }) {
  const look = known[status] ?? { label: status, tone: 'neutral' as const, icon: CircleDashed }
  return (
    <Badge tone={look.tone} icon={look.icon} spin={look.spin}>
      {label ?? look.label}
    </Badge>
  )
}
