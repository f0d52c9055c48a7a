import * as z from 'zod'
import { readStored, writeStored } from '@/shared/lib/storage'

/** What tells one file of this device from another. */
export interface Fingerprint {
  name: string
  /** Bytes. */
  size: number
  /** When it was changed last, in milliseconds since 1970. */
  lastModified: number
}

const record = z.object({ fileId: z.string(), name: z.string(), size: z.number(), lastModified: z.number(), at: z.number() })
const records = z.array(record)

/** An upload that this browser has begun, or finished. */
export type UploadRecord = z.infer<typeof record>

type Book = 'uploads.begun' | 'uploads.finished'

// Both are hints: the portal knows what has arrived.
const most = 200

/** Whether two are the same file as far as a browser can tell. */
export function same(a: Fingerprint, b: Fingerprint): boolean {
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified
}

/** What this browser remembers, newest first. */
export function recordsOf(book: Book): UploadRecord[] {
  return readStored(book, records) ?? []
}

export function remember(book: Book, fileId: string, { name, size, lastModified }: Fingerprint): void {
  writeStored(book, [{ fileId, name, size, lastModified, at: Date.now() }, ...recordsOf(book).filter((each) => each.fileId !== fileId)].slice(0, most))
}

export function forget(book: Book, fileId: string): void {
  const left = recordsOf(book).filter((each) => each.fileId !== fileId)
  writeStored(book, left.length > 0 ? left : null)
}
