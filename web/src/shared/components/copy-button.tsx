import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Button } from './button'

/** Copies a text; what was done shows on the button and is said. The text may be made when it is asked for. */
export function CopyButton({ text, label = 'Copy', size = 'sm', iconOnly }: { text: string | (() => string); label?: string; size?: 'sm' | 'md'; iconOnly?: boolean }) {
  const [state, setState] = useState<'idle' | 'done' | 'failed'>('idle')
  useEffect(() => {
    if (state === 'idle') return
    const timer = setTimeout(() => setState('idle'), 2000)
    return () => clearTimeout(timer)
  }, [state])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text())
      setState('done')
    } catch {
      setState('failed')
    }
  }
  const said = state === 'done' ? 'Copied' : state === 'failed' ? 'The browser refused' : label
  return (
    <Button variant="ghost" size={iconOnly ? 'icon-sm' : size} onClick={() => void copy()} aria-label={iconOnly ? said : undefined} title={iconOnly ? label : undefined}>
      {state === 'done' ? <Check aria-hidden className="text-ok-text" /> : <Copy aria-hidden />}
      {!iconOnly && said}
      <span role="status" className="sr-only">
        {state === 'idle' ? '' : said}
      </span>
    </Button>
  )
}
