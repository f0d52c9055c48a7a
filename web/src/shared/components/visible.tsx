import { useMemo } from 'react'
import { cn } from '../lib/cn'
import { invisibleIn, partsOf, type Invisible } from '../lib/invisible'

const look = 'rounded-xs bg-warn-soft px-0.5 font-sans text-2xs font-medium text-warn-text not-italic ring-1 ring-warn/40 ring-inset'

function Sign({ each }: { each: Invisible }) {
  return (
    <span role="img" aria-label={each.name} title={each.name} className={cn(look, 'mx-px')}>
      {each.sign}
    </span>
  )
}

/** A text of a file. What is not seen in it, or would turn it around, is marked and named. */
export function Visible({ text }: { text: string }) {
  const parts = useMemo(() => partsOf(text), [text])
  return <>{parts.map((part, i) => (typeof part === 'string' ? part : <Sign key={i} each={part} />))}</>
}

/** What is not seen in a text, for fields that can only show it as it is; nothing where there is none. */
export function HiddenIn({ text, className }: { text: string; className?: string }) {
  const found = invisibleIn(text)
  if (found.length === 0) return null
  const names = `It holds ${found.map((each) => each.name).join(', ')}`
  return (
    <span role="img" aria-label={names} title={names} className={cn(look, className)}>
      {found[0]?.sign}
      {found.length > 1 && ` +${found.length - 1}`}
    </span>
  )
}
