import { call, client } from '@/shared/api/client'

/** A part that the store has whole. */
export interface ArrivedPart {
  number: number
  etag: string
  /** Bytes. */
  size: number
}

/** An upload as the portal keeps it; the sizes of its parts are the portal's. */
export interface Plan {
  fileId: string
  /** Bytes of every part but the last. */
  partSize: number
  partCount: number
}

export async function createUpload(file: File): Promise<Plan> {
  const { file_id, part_size, part_count } = await call(client.POST('/api/v1/sources/csv/uploads', { body: { filename: file.name, size: file.size } }))
  return { fileId: file_id, partSize: part_size, partCount: part_count }
}

/** What has arrived whole of a file of so many bytes. A part of another size counts for nothing: it is sent again. */
export async function arrivedParts(fileId: string, size: number, signal?: AbortSignal): Promise<Plan & { parts: ArrivedPart[]; bytes: number }> {
  const { part_size, part_count, parts } = await call(client.GET('/api/v1/sources/csv/uploads/{file_id}/parts', { signal, params: { path: { file_id: fileId } } }))
  const sizeOf = (number: number) => (number === part_count ? size - (part_count - 1) * part_size : part_size)
  const whole = parts.filter((part) => part.size === sizeOf(part.part_number)).map((part) => ({ number: part.part_number, etag: part.etag, size: part.size }))
  return { fileId, partSize: part_size, partCount: part_count, parts: whole, bytes: whole.reduce((sum, part) => sum + part.size, 0) }
}

export async function completeUpload(fileId: string, signal?: AbortSignal) {
  return await call(client.POST('/api/v1/sources/csv/uploads/{file_id}/complete', { signal, params: { path: { file_id: fileId } }, body: {} }))
}

export async function abortUpload(fileId: string): Promise<void> {
  await call(client.DELETE('/api/v1/sources/csv/uploads/{file_id}', { params: { path: { file_id: fileId } } }))
}

/** Where and how to put a part. */
export interface Destination {
  url: string
  headers: Record<string, string>
}

const batch = 50
// Half of what the portal signs for: a part must begin before its URL ends.
const usableFor = 30 * 60_000

/** Signs parts in batches, and hands every signature out once: a part that failed gets a new one. */
export class Signer {
  readonly #signed = new Map<number, Promise<Destination & { until: number }>>()
  readonly #plan: Plan
  readonly #arrived = new Set<number>()

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** These have arrived and need no signature. */
  skip(numbers: Iterable<number>): void {
    for (const number of numbers) this.#arrived.add(number)
  }

  async sign(number: number): Promise<Destination> {
    const ready = this.#signed.get(number) ?? this.#ask(number)
    this.#signed.delete(number)
    const destination = await ready
    return destination.until > Date.now() ? destination : await this.#take(number)
  }

  async #take(number: number): Promise<Destination> {
    const asked = this.#ask(number)
    this.#signed.delete(number)
    return await asked
  }

  #ask(first: number): Promise<Destination & { until: number }> {
    const numbers: number[] = []
    for (let n = first; n <= this.#plan.partCount && numbers.length < batch; n++) {
      if (n === first || (!this.#arrived.has(n) && !this.#signed.has(n))) numbers.push(n)
    }
    const until = Date.now() + usableFor
    const answer = call(client.POST('/api/v1/sources/csv/uploads/{file_id}/parts', { params: { path: { file_id: this.#plan.fileId } }, body: { part_numbers: numbers } }))
    for (const number of numbers) {
      const one = answer.then(({ urls }) => {
        const url = urls.find((each) => each.part_number === number)
        if (!url) throw new Error(`part ${number} was not signed`)
        return { url: url.url, headers: url.headers, until }
      })
      // A batch that failed is asked for again by whoever needs it.
      one.catch(() => this.#signed.delete(number))
      this.#signed.set(number, one)
    }
    return this.#signed.get(first) as Promise<Destination & { until: number }>
  }
}
