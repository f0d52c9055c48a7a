import { useCallback, useRef } from 'react'
import * as z from 'zod'
import type { Reject } from '@/shared/api/model'
import { useStored } from '@/shared/lib/storage'

const rowSchema = z.object({
  /** The row as it should be, a cell for each of the file's columns. */
  fields: z.array(z.string()),
  /** Whether it is to be loaded again. */
  load: z.boolean(),
})
const draftSchema = z.record(z.string(), rowSchema)

/** Rows as they should be, by their line. */
export type Draft = z.output<typeof draftSchema>
const nothing: Draft = {}

/** A reject's cells in the shape of the file: what is too long is cut, what is missing empty. */
export function cellsOf(reject: Pick<Reject, 'fields'>, width: number): string[] {
  return Array.from({ length: width }, (_, i) => reject.fields?.[i] ?? '')
}

/** The draft after a cell was changed; a row that is as it was read is forgotten, unless it was ticked by hand. */
export function withCell(draft: Draft, reject: Pick<Reject, 'line' | 'fields'>, width: number, column: number, value: string): Draft {
  const before = cellsOf(reject, width)
  const fields = [...(draft[reject.line]?.fields ?? before)]
  fields[column] = value
  if (fields.every((field, i) => field === before[i])) return without(draft, reject.line)
  return { ...draft, [reject.line]: { fields, load: true } }
}

/** The draft after rows were ticked or not; what was typed stays. */
export function withTicks(draft: Draft, rejects: Pick<Reject, 'line' | 'fields'>[], width: number, load: boolean): Draft {
  let next = draft
  for (const reject of rejects) {
    const row = next[reject.line]
    const same = !row || row.fields.every((field, i) => field === cellsOf(reject, width)[i])
    next = !load && same ? without(next, reject.line) : { ...next, [reject.line]: { fields: row?.fields ?? cellsOf(reject, width), load } }
  }
  return next
}

function without(draft: Draft, line: number): Draft {
  return Object.fromEntries(Object.entries(draft).filter(([key]) => key !== String(line)))
}

/** What is sent to be loaded, in file order. */
export function rowsToLoad(draft: Draft): { line: number; fields: string[] }[] {
  return Object.entries(draft)
    .filter(([, row]) => row.load)
    .map(([line, row]) => ({ line: Number(line), fields: row.fields }))
    .sort((a, b) => a.line - b.line)
}

/** The draft of a run's corrections; it survives a reload of the page. */
export function useDraft(runId: number): [Draft, (change: (draft: Draft) => Draft) => void] {
  const [draft, setDraft] = useStored(`rejects.${runId}`, draftSchema, nothing)
  // Two changes of one moment, as a paste makes, both count.
  const latest = useRef(draft)
  const change = useCallback(
    (edit: (draft: Draft) => Draft) => {
      latest.current = edit(latest.current)
      setDraft(Object.keys(latest.current).length === 0 ? null : latest.current)
    },
    [setDraft],
  )
  return [draft, change]
}
