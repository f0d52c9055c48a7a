import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { Problem, toProblem } from '@/shared/api/problem'
import type { Metadata } from '@/shared/api/model'
import { checkFile, type Refusal } from './checks'
import { forget, recordsOf, remember, same, type Fingerprint } from './records'
import { Speedometer } from './speed'
import { abortUpload, arrivedParts, completeUpload, createUpload, Signer, type Plan } from './transport'

/**
 * checking → refused | duplicate | starting → uploading ⇄ paused | offline | waiting → finishing → done | failed.
 * waiting: the connection was lost and is tried again by itself at retryAt.
 */
export type UploadState = 'checking' | 'refused' | 'duplicate' | 'starting' | 'uploading' | 'paused' | 'offline' | 'waiting' | 'finishing' | 'done' | 'failed'

/** A file on its way, as the page shows it. */
export interface Upload extends Fingerprint {
  key: string
  state: UploadState
  fileId?: string
  /** Bytes that have arrived or are on their way. */
  sent: number
  /** Bytes that were there already when the file was chosen again. */
  resumedAt: number
  parts: number
  partsDone: number
  /** Bytes per second; null before it is known. */
  speed: number | null
  refusal?: Refusal
  /** The file that is there already. */
  twin?: Twin
  problem?: Problem
  retryAt?: number
  metadata?: Metadata
  startedAt?: number
  finishedAt?: number
}

/** A file of the portal that looks like the one chosen. */
export interface Twin {
  fileId: string
  /** The time of its last change is the same as well, and not only name and size. */
  exact: boolean
  at?: string
}

interface Task {
  file: File
  signer?: Signer
  meter: Speedometer
  uppyId?: string
  timer?: ReturnType<typeof setTimeout>
  failures: number
  cancelled: boolean
}

const parallel = 6
const sayEvery = 100
const waits = [1_000, 2_000, 5_000, 10_000, 30_000]

type Body = Record<string, never>
type Meta = Record<string, never>

/** Looks for a file of the portal with this fingerprint; null where there is none. */
export type FindTwin = (file: Fingerprint) => Promise<Twin | null>

/**
 * Sends files in parts, several at a time, and knows how each of them stands. It goes on while
 * other pages are shown, and does by itself what can be done by itself: a lost connection pauses
 * it, a found one resumes it, and only the parts that have not arrived go up.
 */
export class Uploader {
  readonly #uppy: Uppy<Meta, Body>
  readonly #partSizes = new WeakMap<object, number>()
  readonly #tasks = new Map<string, Task>()
  readonly #listeners = new Set<() => void>()
  #uploads: readonly Upload[] = []
  #said = 0
  #saying?: ReturnType<typeof setTimeout>
  #next = 1

  constructor() {
    const silent = () => undefined
    this.#uppy = new Uppy<Meta, Body>({ autoProceed: false, logger: { debug: silent, warn: silent, error: silent } })
    this.#uppy.use(AwsS3<Meta, Body>, {
      limit: parallel,
      shouldUseMultipart: true,
      // The portal decides on the size of parts, and keeps it.
      getChunkSize: (data) => this.#partSizes.get(data) ?? data.size,
      // Uppy ends an upload that it has made itself at its first failure, so uploads are made before, and it resumes them.
      createMultipartUpload: (file) => ({ uploadId: file.id, key: file.id }),
      listParts: async (_, { key, signal }) => await this.#listParts(key, signal),
      signPart: async (_, { key, partNumber, signal }) => {
        const { url, headers } = await this.#signer(key).sign(partNumber)
        signal?.throwIfAborted()
        return { method: 'PUT', url, headers }
      },
      completeMultipartUpload: async (_, { key }) => await this.#complete(key),
      // Cancelling asks the portal itself, whether Uppy has begun or not.
      abortMultipartUpload: () => undefined,
    })
    this.#uppy.on('upload-progress', (file, { bytesUploaded }) => {
      const upload = this.#byUppy(file?.id)
      if (upload?.state !== 'uploading') return
      const meter = this.#tasks.get(upload.key)?.meter
      meter?.add(bytesUploaded)
      this.#change(upload.key, { sent: Math.min(bytesUploaded, upload.size), speed: meter?.perSecond ?? null }, false)
    })
    this.#uppy.on('s3-multipart:part-uploaded', (file) => {
      const upload = this.#byUppy(file.id)
      if (!upload) return
      const task = this.#tasks.get(upload.key)
      if (task) task.failures = 0
      this.#change(upload.key, { partsDone: Math.min(upload.partsDone + 1, upload.parts) })
    })
    this.#uppy.on('upload-error', (file, error) => {
      const upload = this.#byUppy(file?.id)
      if (upload) this.#failed(upload.key, error)
    })
    window.addEventListener('offline', () => {
      for (const { key, state } of this.#uploads) if (state === 'uploading' || state === 'waiting') this.#hold(key, 'offline')
    })
    window.addEventListener('online', () => {
      for (const { key, state } of this.#uploads) if (state === 'offline' || state === 'waiting') this.#go(key)
    })
    window.addEventListener('beforeunload', (event) => {
      if (this.busy) event.preventDefault()
    })
  }

  /** Whether leaving would stop something. */
  get busy(): boolean {
    return this.#uploads.some(({ state }) => ['starting', 'uploading', 'offline', 'waiting', 'finishing'].includes(state))
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly snapshot = (): readonly Upload[] => this.#uploads

  /** Checks files and sends those that nothing speaks against; the answer names those that are in the list already. */
  add(files: Iterable<File>, findTwin: FindTwin): string[] {
    const repeated: string[] = []
    for (const file of files) {
      if (this.#uploads.some((each) => same(each, file) && each.state !== 'failed' && each.state !== 'refused')) {
        repeated.push(file.name)
        continue
      }
      const key = String(this.#next++)
      this.#tasks.set(key, { file, meter: new Speedometer(), failures: 0, cancelled: false })
      const { name, size, lastModified } = file
      this.#uploads = [{ key, name, size, lastModified, state: 'checking', sent: 0, resumedAt: 0, parts: 0, partsDone: 0, speed: null }, ...this.#uploads.filter((each) => !same(each, file))]
      void this.#check(key, file, findTwin)
    }
    this.#say()
    return repeated
  }

  pause(key: string): void {
    this.#hold(key, 'paused')
  }

  /** Goes on with what is paused, waits or has failed. */
  resume(key: string): void {
    const task = this.#tasks.get(key)
    if (task) task.failures = 0
    this.#go(key)
  }

  /** Sends a file though there is one like it. */
  sendAnyway(key: string): void {
    void this.#start(key)
  }

  /** Ends an upload: nothing of it stays in the portal. Throws a Problem where the portal does not do so; the upload is paused then. */
  async cancel(key: string): Promise<void> {
    const fileId = this.#find(key)?.fileId
    if (fileId) {
      this.#hold(key, 'paused')
      try {
        await abortUpload(fileId)
      } catch (error) {
        if (toProblem(error).status !== 404) throw error // 404: it was ended elsewhere
      }
      forget('uploads.begun', fileId)
    }
    this.remove(key)
  }

  /** Takes an entry off the list. */
  remove(key: string): void {
    const task = this.#tasks.get(key)
    if (task) {
      task.cancelled = true
      clearTimeout(task.timer)
      if (task.uppyId) this.#uppy.removeFile(task.uppyId)
    }
    this.#tasks.delete(key)
    this.#uploads = this.#uploads.filter((each) => each.key !== key)
    this.#say()
  }

  async #check(key: string, file: File, findTwin: FindTwin): Promise<void> {
    const refusal = await checkFile(file)
    if (refusal) {
      this.#change(key, { state: 'refused', refusal })
      return
    }
    if (!recordsOf('uploads.begun').some((each) => same(each, file))) {
      // Whether there is one like it is worth knowing, and no reason to stop.
      const twin = await findTwin(file).catch(() => null)
      if (twin) {
        this.#change(key, { state: 'duplicate', twin })
        return
      }
    }
    await this.#start(key)
  }

  /** Begins an upload, or goes on with the one that this browser has begun. */
  async #start(key: string): Promise<void> {
    const task = this.#tasks.get(key)
    if (!task) return
    this.#change(key, { state: 'starting', problem: undefined })
    try {
      const { file } = task
      const plan = await this.#plan(file)
      if (task.cancelled) {
        // Cancelled while the portal was asked: what was made then is not left behind.
        forget('uploads.begun', plan.fileId)
        await abortUpload(plan.fileId)
        return
      }
      remember('uploads.begun', plan.fileId, file)
      task.signer = new Signer(plan)
      this.#partSizes.set(file, plan.partSize)
      this.#change(key, { fileId: plan.fileId, parts: plan.partCount, partsDone: plan.parts.length, sent: plan.bytes, resumedAt: plan.bytes, startedAt: Date.now() })
      task.uppyId = this.#uppy.addFile({ name: file.name, type: file.type, data: file, source: key, meta: {} })
      // The plugin reads it, and does not declare it.
      const known: object = { s3Multipart: { key: plan.fileId, uploadId: plan.fileId } }
      this.#uppy.setFileState(task.uppyId, known)
      this.#go(key)
    } catch (error) {
      this.#failed(key, error)
    }
  }

  async #plan(file: File): Promise<Plan & { parts: { number: number }[]; bytes: number }> {
    const begun = recordsOf('uploads.begun').find((each) => same(each, file))
    if (begun) {
      try {
        return await arrivedParts(begun.fileId, file.size)
      } catch (error) {
        if (toProblem(error).retryable) throw error
        forget('uploads.begun', begun.fileId) // it was ended elsewhere
      }
    }
    return { ...(await createUpload(file)), parts: [], bytes: 0 }
  }

  #go(key: string): void {
    const task = this.#tasks.get(key)
    if (!task) return
    clearTimeout(task.timer)
    if (!navigator.onLine) {
      this.#change(key, { state: 'offline', speed: null })
      return
    }
    if (!task.uppyId) {
      void this.#start(key)
      return
    }
    task.meter.reset()
    this.#change(key, { state: 'uploading', problem: undefined, retryAt: undefined, speed: null })
    const file = this.#uppy.getFile(task.uppyId)
    if (file.isPaused && !file.error) this.#uppy.pauseResume(task.uppyId)
    else this.#uppy.retryUpload(task.uppyId).catch((error: unknown) => this.#failed(key, error))
  }

  #hold(key: string, state: 'paused' | 'offline'): void {
    const task = this.#tasks.get(key)
    if (!task) return
    clearTimeout(task.timer)
    if (task.uppyId) {
      const file = this.#uppy.getFile(task.uppyId)
      if (!file.isPaused && !file.error) this.#uppy.pauseResume(task.uppyId)
    }
    this.#change(key, { state, speed: null, retryAt: undefined })
  }

  async #listParts(fileId: string, signal?: AbortSignal) {
    const upload = this.#uploads.find((each) => each.fileId === fileId)
    const { parts, bytes } = await arrivedParts(fileId, upload?.size ?? 0, signal)
    this.#signer(fileId).skip(parts.map((part) => part.number))
    if (upload) this.#change(upload.key, { partsDone: parts.length, sent: bytes })
    return parts.map(({ number, etag, size }) => ({ PartNumber: number, ETag: etag, Size: size }))
  }

  #signer(fileId: string): Signer {
    const key = this.#uploads.find((each) => each.fileId === fileId)?.key
    const signer = key && this.#tasks.get(key)?.signer
    if (!signer) throw new DOMException('The upload was ended', 'AbortError')
    return signer
  }

  async #complete(fileId: string): Promise<{ location?: string }> {
    const upload = this.#uploads.find((each) => each.fileId === fileId)
    if (!upload) throw new DOMException('The upload was ended', 'AbortError')
    this.#change(upload.key, { state: 'finishing', sent: upload.size, partsDone: upload.parts, speed: null })
    const metadata = await completeUpload(fileId)
    forget('uploads.begun', fileId)
    remember('uploads.finished', fileId, upload)
    this.#change(upload.key, { state: 'done', metadata, finishedAt: Date.now() })
    return {}
  }

  #failed(key: string, error: unknown): void {
    const task = this.#tasks.get(key)
    const upload = this.#find(key)
    if (!task || !upload || upload.state === 'paused' || upload.state === 'done') return
    const problem = error instanceof Problem ? error : storeProblem(error)
    if (!navigator.onLine) {
      this.#change(key, { state: 'offline', speed: null })
    } else if (problem.retryable) {
      const wait = waits[Math.min(task.failures++, waits.length - 1)] ?? 0
      clearTimeout(task.timer)
      task.timer = setTimeout(() => this.#go(key), wait)
      this.#change(key, { state: 'waiting', problem, retryAt: Date.now() + wait, speed: null })
    } else {
      // A file that is refused is not kept; what else fails can be gone on with.
      if (upload.state === 'finishing' && upload.fileId) {
        forget('uploads.begun', upload.fileId)
        if (task.uppyId) this.#uppy.removeFile(task.uppyId)
        task.uppyId = undefined
      }
      this.#change(key, { state: 'failed', problem, speed: null })
    }
  }

  #find(key: string): Upload | undefined {
    return this.#uploads.find((each) => each.key === key)
  }

  #byUppy(id: string | undefined): Upload | undefined {
    return this.#uploads.find(({ key }) => id !== undefined && this.#tasks.get(key)?.uppyId === id)
  }

  #change(key: string, change: Partial<Upload>, now = true): void {
    this.#uploads = this.#uploads.map((each) => (each.key === key ? { ...each, ...change } : each))
    if (now) {
      this.#say()
      return
    }
    // Progress comes far more often than anyone can read it.
    this.#saying ??= setTimeout(() => this.#say(), Math.max(0, this.#said + sayEvery - Date.now()))
  }

  #say(): void {
    clearTimeout(this.#saying)
    this.#saying = undefined
    this.#said = Date.now()
    this.#listeners.forEach((each) => each())
  }
}

/** What the object store, or the way to it, has said. */
function storeProblem(error: unknown): Problem {
  const status = (error as { source?: { status?: number } } | undefined)?.source?.status
  if (status === undefined) return toProblem(error)
  return new Problem({
    title: status === 0 ? 'The store does not answer' : `The store answered ${status}`,
    detail: status === 0 ? 'A part of the file did not get through to the object store.' : 'The object store refused a part of the file.',
    fix: status === 0 ? 'Nothing is to be done: it is tried again. If it lasts, a firewall may block the way to the store.' : 'Try again; if it lasts, ask who runs the portal.',
    code: 'store_failed',
    status,
  })
}
