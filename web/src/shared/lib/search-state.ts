import { useCallback, useMemo } from 'react'
import { useSearchParams } from 'react-router'
import type * as z from 'zod'

/**
 * View state in the URL. The schema gives every parameter a default by
 * `.catch(…)`; what equals its default stays out of the URL, and what a person
 * typed wrong falls back to it. Values are strings, numbers, booleans or lists
 * of strings; the schema coerces what it gets, which is always text.
 *
 *     const schema = z.object({ q: z.string().catch(''), page: z.coerce.number().int().min(0).catch(0) })
 *     const [state, setState] = useSearchState(schema)
 *
 * setState merges, and replaces the history entry; give { push: true } for what Back should undo.
 */
export function useSearchState<S extends z.ZodObject>(schema: S): [z.output<S>, (change: Partial<z.output<S>>, options?: { push?: boolean }) => void] {
  const [params, setParams] = useSearchParams()
  const state = useMemo(() => parseSearch(schema, params), [schema, params])
  const set = useCallback(
    (change: Partial<z.output<S>>, options?: { push?: boolean }) => {
      setParams((before) => mergeSearch(schema, before, change), { replace: !options?.push, preventScrollReset: true })
    },
    [schema, setParams],
  )
  return [state, set]
}

/** The state that search parameters stand for. */
export function parseSearch<S extends z.ZodObject>(schema: S, params: URLSearchParams): z.output<S> {
  const raw: Record<string, unknown> = {}
  for (const key of Object.keys(schema.shape)) {
    const all = params.getAll(key)
    if (all.length === 1) raw[key] = all[0]
    else if (all.length > 1) raw[key] = all
  }
  return schema.parse(raw)
}

/** The search parameters after a change; parameters of others stay. */
export function mergeSearch<S extends z.ZodObject>(schema: S, before: URLSearchParams, change: Partial<z.output<S>>): URLSearchParams {
  const defaults = schema.parse({}) as Record<string, unknown>
  const next = new URLSearchParams(before)
  for (const [key, value] of Object.entries(change)) {
    next.delete(key)
    if (value === undefined || value === null || JSON.stringify(value) === JSON.stringify(defaults[key])) continue
    for (const each of Array.isArray(value) ? value : [value]) next.append(key, String(each))
  }
  return next
}

/** The query string that opens a list with these filters, with "?"; empty without any. */
export function searchOf(values: Record<string, string | number | boolean | undefined>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== '') params.set(key, String(value))
  const text = params.toString()
  return text && `?${text}`
}
