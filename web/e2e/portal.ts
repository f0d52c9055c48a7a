import { AxeBuilder } from '@axe-core/playwright'
import { test as base, expect, type Page } from '@playwright/test'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'

export { expect }

/** A portal that runs: the built program on a data directory of its own. */
export interface Portal {
  url: string
  /** Its data directory, for commands that want one. */
  dataDir: string
  /** Calls the API below /api/v1 and answers its JSON; it throws for what is no success. */
  call: <T = Record<string, unknown>>(method: string, path: string, body?: unknown) => Promise<T>
  /** Uploads a file by its path, or a text under a name, and waits until it is profiled. */
  upload: (file: string | { name: string; text: string }) => Promise<{ file_id: string; filename: string }>
  /** The credential of the database that comes with the portal. */
  warehouse: () => Promise<number>
  /** Makes a job, runs it, and waits for the end of the run. */
  run: (job: Record<string, unknown>) => Promise<{ job: number; run: number; status: string }>
  /** Runs a job again, on another file if one is given, and waits for the end of the run. */
  rerun: (job: number, file?: string) => Promise<{ run: number; status: string }>
}

interface Errors {
  /** What the page must not do: uncaught errors, refusals of the content security policy. */
  pageErrors: string[]
}

const root = join(import.meta.dirname, '../..')

async function until<T>(what: string, look: () => Promise<T | undefined>, limit = 60_000): Promise<T> {
  const end = Date.now() + limit
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`${what}: not within ${limit / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function start(): Promise<{ url: string; dataDir: string; stop: () => Promise<void> }> {
  const data = mkdtempSync(join(tmpdir(), 'etlportal-e2e-'))
  chmodSync(data, 0o755) // the embedded PostgreSQL runs as another user
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ETLPORTAL_|DATABASE_URL|S3_|AWS_|ENCRYPTION_KEY)/.test(name)))
  const child = spawn(join(root, 'bin/etlportal'), ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(data, 'portal'), '--log-level', 'warn'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const at = /ready at (http:\S+)/.exec(line)?.[1]
      if (at) resolve(at)
    })
    void ended.then(() => reject(new Error(`etlportal serve ended:\n${log.join('')}`)))
  })
  return {
    url,
    dataDir: join(data, 'portal'),
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      rmSync(data, { recursive: true, force: true })
    },
  }
}

function portalAt(url: string, dataDir: string): Portal {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text ? JSON.parse(text) : {}) as T
  }
  const rerun = async (job: number, file?: string) => {
    const { job_run_id } = await call<{ job_run_id: number }>('POST', `/jobs/execute/${job}`, file && { file_id: file })
    const status = await until(`run ${job_run_id}`, async () => {
      const run = await call<{ status: string }>('GET', `/job-runs/${job_run_id}`)
      return run.status === 'PENDING' || run.status === 'RUNNING' ? undefined : run.status
    })
    return { run: job_run_id, status }
  }
  return {
    url,
    dataDir,
    call,
    upload: async (file) => {
      const form = new FormData()
      if (typeof file === 'string') form.append('file', new Blob([readFileSync(join(root, file))]), basename(file))
      else form.append('file', new Blob([file.text]), file.name)
      const response = await fetch(`${url}/api/v1/sources/csv/upload`, { method: 'POST', body: form })
      if (!response.ok) throw new Error(`upload: ${await response.text()}`)
      const { file_id, filename } = (await response.json()) as { file_id: string; filename: string }
      await until(`profile of ${filename}`, async () => {
        const { profile } = await call<{ profile: { state: string } }>('GET', `/sources/csv/${file_id}/metadata`)
        return profile.state === 'complete' || profile.state === 'failed' ? profile : undefined
      })
      return { file_id, filename }
    },
    warehouse: async () => {
      const { items } = await call<{ items: { id: number }[] }>('GET', '/credentials?limit=1000')
      const first = items.map(({ id }) => id).sort((a, b) => a - b)[0]
      if (first === undefined) throw new Error('the portal has no credential')
      return first
    },
    run: async (job) => {
      const made = await call<{ id: number }>('POST', '/jobs', job)
      return { job: made.id, ...(await rerun(made.id)) }
    },
    rerun,
  }
}

/** Tests with a portal per worker; `page` opens paths of it and must raise no errors. */
export const test = base.extend<Errors, { portal: Portal; instance: string }>({
  // Files that name an instance (`test.use({ instance: 'empty' })` at their top) get a portal that no other file fills.
  instance: ['', { option: true, scope: 'worker' }],
  portal: [
    async ({}, use) => {
      const { url, dataDir, stop } = await start()
      await use(portalAt(url, dataDir))
      await stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ portal }, use) => use(portal.url),
  pageErrors: async ({}, use) => {
    const errors: string[] = []
    await use(errors)
    expect(errors, 'errors of the page').toEqual([])
  },
  page: async ({ page, pageErrors }, use) => {
    page.on('pageerror', (error) => pageErrors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Refused to/.test(message.text())) pageErrors.push(message.text())
    })
    await use(page)
  },
})

/** Puts the page into a scheme, as its theme menu does. */
export async function setScheme(page: Page, scheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
  await expect(page.locator('html')).toHaveClass(new RegExp(scheme))
}

/** Fails where axe finds a violation of WCAG 2.2 A or AA, in light or in dark; `within` names the part that can be reached, as an open dialog. */
export async function checkAccessibility(page: Page, within = 'html'): Promise<void> {
  for (const scheme of ['light', 'dark'] as const) {
    await setScheme(page, scheme)
    const { violations } = await new AxeBuilder({ page }).include(within).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
    const found = violations.map((each) => `${each.id}: ${each.help}\n${each.nodes.map((node) => `  ${node.html}\n  ${node.failureSummary ?? ''}`).join('\n')}`)
    expect(found, `axe in ${scheme}`).toEqual([])
  }
  await setScheme(page, 'light')
}

/** Fails where a window of 320 px has to be scrolled sideways; tables and code may scroll within themselves. */
export async function checkNarrow(page: Page): Promise<void> {
  const size = page.viewportSize()
  await page.setViewportSize({ width: 320, height: 720 })
  // What observes its own size is drawn again a frame or two after the window has changed.
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth), { message: 'width of the page in a window of 320 px' }).toBeLessThanOrEqual(320)
  if (size) await page.setViewportSize(size)
}

const pictures = process.env.PICTURES ?? join(root, '.data/images')

/** Takes docs/images/NAME.png and NAME-dark.png; `narrow` those of a phone as well. */
export async function picture(page: Page, name: string, { narrow = false, fullPage = false } = {}): Promise<void> {
  mkdirSync(pictures, { recursive: true })
  const take = async (suffix: string) => {
    for (const scheme of ['light', 'dark'] as const) {
      await setScheme(page, scheme)
      await page.screenshot({ path: join(pictures, `${name}${suffix}${scheme === 'dark' ? '-dark' : ''}.png`), fullPage, animations: 'disabled' })
    }
  }
  await take('')
  if (narrow) {
    const size = page.viewportSize()
    await page.setViewportSize({ width: 320, height: 720 })
    await take('-narrow')
    if (size) await page.setViewportSize(size)
  }
  await setScheme(page, 'light')
}
