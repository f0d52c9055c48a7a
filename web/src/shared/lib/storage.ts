import { useCallback, useState } from 'react'
import type * as z from 'zod'

const prefix = 'etlportal.'

/** Reads what this browser keeps under a name; what is missing, broken or forbidden is null. */
export function readStored<T>(name: string, schema: z.ZodType<T>): T | null {
  try {
    const text = localStorage.getItem(prefix + name)
    if (text === null) return null
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

/** Keeps a value in this browser; null forgets it. A full or forbidden storage is no failure of the page. */
export function writeStored(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(prefix + name)
    else localStorage.setItem(prefix + name, JSON.stringify(value))
  } catch {
    // The page works on without it.
  }
}

/** State that survives a reload, for drafts and preferences. */
export function useStored<T>(name: string, schema: z.ZodType<T>, initial: T): [T, (value: T | null) => void] {
  const [value, setValue] = useState(() => readStored(name, schema) ?? initial)
  const set = useCallback(
    (next: T | null) => {
      writeStored(name, next)
      setValue(next ?? initial)
    },
    [name, initial],
  )
  return [value, set]
}
