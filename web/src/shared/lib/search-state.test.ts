import * as z from 'zod'
import { mergeSearch, parseSearch, searchOf } from './search-state'

const schema = z.object({
  q: z.string().catch(''),
  page: z.coerce.number().int().min(0).catch(0),
  status: z.enum(['FAILED', 'COMPLETED']).optional().catch(undefined),
  columns: z.preprocess((each) => (typeof each === 'string' ? [each] : each), z.array(z.string())).catch([]),
})

test.each([
  ['', { q: '', page: 0, columns: [] }],
  ['q=a%20b&page=3&status=FAILED&columns=x&columns=y', { q: 'a b', page: 3, status: 'FAILED', columns: ['x', 'y'] }],
  ['columns=x', { q: '', page: 0, columns: ['x'] }],
  ['page=-1&status=nonsense&other=1', { q: '', page: 0, columns: [] }],
])('%s', (text, state) => expect(parseSearch(schema, new URLSearchParams(text))).toEqual(state))

test('what a state is written as is read as the same state', () => {
  for (const state of [{ q: 'ü&=#', page: 7, columns: ['a,b', 'c'] }, { q: '', page: 0, columns: [] }, { q: '+', page: 0, status: 'COMPLETED' as const, columns: ['one'] }]) {
    const params = mergeSearch(schema, new URLSearchParams(), state)
    expect(parseSearch(schema, new URLSearchParams(params.toString()))).toEqual(state)
  }
})

test('defaults stay out of the URL, and parameters of others in it', () => {
  const next = mergeSearch(schema, new URLSearchParams('tab=logs&q=x&page=2'), { q: '', page: 3 })
  expect(next.toString()).toBe('tab=logs&page=3')
})

test('a link to a list', () => {
  expect(searchOf({ status: 'FAILED', job: 3, q: '', none: undefined })).toBe('?status=FAILED&job=3')
  expect(searchOf({})).toBe('')
})
