import { useEffect, useRef, useState } from 'react'
import { cn } from '../lib/cn'
import type { Tone } from './status-badge'

const fills: Partial<Record<Tone, string>> = { ok: 'bg-ok', warn: 'bg-warn', bad: 'bg-bad', info: 'bg-info', accent: 'bg-accent' }
const sayEvery = 5_000
const sayStep = 10

/**
 * Progress from 0 to 100; null is "under way, nobody knows how far". What a screen reader hears is
 * throttled to every 10 % or 5 s.
 */
export function ProgressBar({ value, label, text, tone = 'accent', className }: {
  value: number | null
  label: string
  /** What is said instead of the percentage. */
  text?: string
  tone?: Tone
  className?: string
}) {
  const percent = value === null ? null : Math.min(100, Math.max(0, value))
  const said = useThrottledSpeech(percent, text ?? (percent === null ? 'under way' : `${Math.floor(percent)} %`))
  return (
    <div className={className}>
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent === null ? undefined : Math.floor(percent)}
        aria-valuetext={text}
        className="h-1.5 overflow-hidden rounded-full bg-line forced-colors:h-2.5 forced-colors:border"
      >
        <div
          data-bar
          className={cn('h-full rounded-full transition-[width] duration-300', fills[tone] ?? 'bg-accent', percent === null && 'w-1/4 animate-stripe')}
          style={percent === null ? undefined : { width: `${percent}%` }}
        />
      </div>
      <span role="status" className="sr-only">
        {said && `${label}: ${said}`}
      </span>
    </div>
  )
}

/** The last text that was worth saying. */
function useThrottledSpeech(percent: number | null, text: string): string {
  const [said, setSaid] = useState('')
  const last = useRef({ at: 0, percent: -sayStep })
  useEffect(() => {
    const say = () => {
      last.current = { at: Date.now(), percent: percent ?? 0 }
      setSaid(text)
    }
    const wait = sayEvery - (Date.now() - last.current.at)
    if (percent === 100 || Math.abs((percent ?? 0) - last.current.percent) >= sayStep || wait <= 0) {
      say()
      return
    }
    const timer = setTimeout(say, wait)
    return () => clearTimeout(timer)
  }, [percent, text])
  return said
}
