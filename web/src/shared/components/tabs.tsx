import { Tabs as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

/** Tabs whose choice lives outside, as a rule in the URL (useSearchState). */
export function Tabs<T extends string>({ label, value, onChange, tabs }: {
  label: string
  value: T
  onChange: (value: T) => void
  tabs: { value: T; label: ReactNode; content: ReactNode }[]
}) {
  return (
    <Radix.Root value={value} onValueChange={(next) => onChange(next as T)} activationMode="manual">
      <Radix.List aria-label={label} className="mb-4 flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map((tab) => (
          <Radix.Trigger
            key={tab.value}
            value={tab.value}
            className="-mb-px h-9 border-b-2 border-transparent px-3 text-sm font-medium whitespace-nowrap text-muted hover:text-text focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:text-text"
          >
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.value} value={tab.value} tabIndex={-1}>
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  )
}
