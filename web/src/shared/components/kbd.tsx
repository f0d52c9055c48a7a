import { keyLabels } from '../lib/shortcuts'

/** Keys as caps. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span className="inline-flex items-center gap-1">
      {keyLabels(keys).map((key, i) => (
        <kbd key={i} className="grid h-5 min-w-5 place-items-center rounded border border-line bg-sunken px-1 font-sans text-2xs font-medium text-muted">
          {key}
        </kbd>
      ))}
    </span>
  )
}
