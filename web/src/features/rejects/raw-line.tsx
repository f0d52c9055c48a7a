import type { Reject } from '@/shared/api/model'
import { Visible } from '@/shared/components'

const quoted = (field: string) => (/[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

/** The row as it was read, with the cell at fault marked; a row that could not be parsed as its text. */
export function RawLine({ reject, width }: { reject: Reject; width: number }) {
  if (!reject.fields) return <code className="font-mono whitespace-pre"><Visible text={reject.raw ?? ''} /></code>
  return (
    <code className="font-mono whitespace-pre">
      {reject.fields.map((field, i) => {
        const fault = reject.field_index === i || (reject.field_index === undefined && i >= width)
        return (
          <span key={i}>
            {i > 0 && <span className="text-faint">,</span>}
            {fault ? <mark className="rounded bg-bad-soft px-0.5 text-bad-text ring-1 ring-bad/40">{field ? <Visible text={quoted(field)} /> : '(empty)'}</mark> : <Visible text={quoted(field)} />}
          </span>
        )
      })}
    </code>
  )
}
