import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { checkAccessibility, checkNarrow, expect, test, type Portal } from './portal'

type Call = Portal['call']

interface Gate {
  port: number
  /** Nothing passes any more: loads stand where they are. */
  shut: () => void
  open: () => void
  /** Leads to another port from now on. */
  lead: (port: number) => void
  close: () => void
}

/** A way to a database that can be shut, so that a run stands still for as long as a test looks at it. */
async function gateTo(host: string, port: number): Promise<Gate> {
  let isOpen = true
  let target = port
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, host)
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from)
      from.on('data', (data) => to.write(data))
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.on('error', () => to.destroy())
      if (!isOpen) from.pause()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    shut: () => {
      isOpen = false
      sockets.forEach((socket) => socket.pause())
    },
    open: () => {
      isOpen = true
      sockets.forEach((socket) => socket.resume())
    },
    lead: (next) => {
      target = next
      sockets.forEach((socket) => socket.destroy())
    },
    close: () => {
      sockets.forEach((socket) => socket.destroy())
      server.close()
    },
  }
}

const program = join(import.meta.dirname, '../../bin/etlportal')

const warehouseOf = (dataDir: string) => new URL(execFileSync(program, ['warehouse', '--data-dir', dataDir], { encoding: 'utf8' }).trim())

/** A destination whose way to the portal's database leads through a gate. */
async function gated(call: Call, dataDir: string): Promise<Gate & { credential: number }> {
  const { host, hostname, port, pathname, username, password } = warehouseOf(dataDir)
  const gate = await gateTo(hostname, Number(port))
  const { id } = await call<{ id: number }>('POST', '/credentials', { name: `Gate to ${host} ${gate.port}`, host: '127.0.0.1', port: gate.port, database: pathname.slice(1), username, password: decodeURIComponent(password), ssl_mode: 'disable' })
  return { ...gate, credential: id }
}

const orders = (rows: number, bad: number[] = []) => `order_id,quantity\n${Array.from({ length: rows }, (_, i) => `${i + 1},${bad.includes(i + 1) ? 'many' : i % 9}\n`).join('')}`

/** A job whose first run has made its table. */
async function madeJob(portal: Portal, credential_id: number, table: string, more: Record<string, unknown> = {}): Promise<number> {
  const file = await portal.upload({ name: `${table}.csv`, text: orders(200) })
  const { job, status } = await portal.run({ name: `Load ${table}`, file_id: file.file_id, credential_id, table, create_table: true, ...more })
  expect(status).toBe('COMPLETED')
  return job
}

const begin = async (call: Call, job: number) => (await call<{ job_run_id: number }>('POST', `/jobs/execute/${job}`)).job_run_id

test('a run is followed to its end, and every row is accounted for', async ({ page, portal }) => {
  const gate = await gated(portal.call, portal.dataDir)
  try {
    const job = await madeJob(portal, gate.credential, 'followed')
    gate.shut()
    const run = await begin(portal.call, job)
    await page.goto(`/runs/${run}`)
    await expect(page.getByText('Live', { exact: true })).toBeVisible()
    await expect(page.getByText('under way')).toBeAttached()
    await checkAccessibility(page)
    await checkNarrow(page)
    gate.open()
    await expect(page.getByText('Completed', { exact: true })).toBeVisible({ timeout: 30_000 })
    await expect(page.getByTestId('reconciliation')).toHaveText('200 read equals 200 loaded plus 0 filtered plus 0 rejected plus 0 deduplicated')
    await expect(page.getByText('Live', { exact: true })).toBeHidden()
    await expect(page.getByText('completed: 200 rows read')).toBeVisible()
    await page.getByRole('button', { name: 'View as table' }).click()
    await expect(page.getByRole('table', { name: 'Chunks' }).getByText('loaded')).toBeVisible()
    await checkAccessibility(page)
    await checkNarrow(page)
  } finally {
    gate.close()
  }
})

test('a run is cancelled, which says what is kept', async ({ page, portal }) => {
  const gate = await gated(portal.call, portal.dataDir)
  try {
    const job = await madeJob(portal, gate.credential, 'cancelled')
    gate.shut()
    const run = await begin(portal.call, job)
    await page.goto(`/runs/${run}`)
    await page.getByRole('button', { name: 'Cancel run' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('Kept are the file, the job, the log')
    await checkAccessibility(page)
    await dialog.getByRole('button', { name: 'Cancel run' }).click()
    gate.open()
    await expect(dialog).toBeHidden()
    await expect(page.getByText('Cancelled', { exact: true })).toBeVisible()
    await expect(page.getByText('Nothing of this run is in the table')).toBeVisible()
  } finally {
    gate.close()
  }
})

test('where streams do not pass the page asks, and sees the end', async ({ page, portal }) => {
  const gate = await gated(portal.call, portal.dataDir)
  try {
    const job = await madeJob(portal, gate.credential, 'polled')
    await page.route('**/stream', (route) => route.fulfill({ status: 503, body: 'no streams here' }))
    gate.shut()
    const run = await begin(portal.call, job)
    await page.goto(`/runs/${run}`)
    await expect(page.getByText('Polling', { exact: true })).toBeVisible()
    gate.open()
    await expect(page.getByText('Completed', { exact: true })).toBeVisible({ timeout: 30_000 })
    await expect(page.getByText('completed: 200 rows read')).toBeVisible()
  } finally {
    gate.close()
  }
})

test('the history keeps its filters over reload and back, and deletes several runs', async ({ page, portal }) => {
  const credential = await portal.warehouse()
  const job = await madeJob(portal, credential, 'listed')
  const wrong = await portal.upload({ name: 'wrong.csv', text: orders(20, [7]) })
  const failed = await portal.rerun(job, wrong.file_id)
  await portal.rerun(job, wrong.file_id)
  await page.goto('/runs')
  const table = page.getByRole('table', { name: 'Runs' })
  await expect(table.getByRole('link', { name: `Load listed · run ${failed.run}` })).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByRole('button', { name: 'Failed' }).click()
  await expect(page).toHaveURL(/status=FAILED/)
  await page.getByLabel('Job').selectOption('Load listed')
  await expect(page).toHaveURL(new RegExp(`status=FAILED&job=${job}`))
  await expect(table.getByRole('row')).toHaveCount(3)
  await page.reload()
  await expect(page.getByRole('button', { name: 'Failed' })).toHaveAttribute('aria-pressed', 'true')
  await expect(page.getByLabel('Job')).toHaveValue(String(job))
  await expect(table.getByRole('row')).toHaveCount(3)
  await table.getByRole('link', { name: `run ${failed.run}`, exact: false }).first().click()
  await expect(page.getByRole('heading', { level: 1, name: /^Run/ })).toBeVisible()
  await page.goBack()
  await expect(page).toHaveURL(new RegExp(`status=FAILED&job=${job}`))
  await expect(table.getByRole('row')).toHaveCount(3)
  await page.goBack()
  await expect(page).toHaveURL(/status=FAILED$/)
  await page.goForward()
  await page.getByRole('button', { name: 'Select all 2 that are over' }).click()
  await checkAccessibility(page)
  await page.getByRole('button', { name: 'Delete selected' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete 2 runs' }).click()
  await expect(page.getByText('No run fits these filters')).toBeVisible()
  await checkAccessibility(page)
  await page.getByRole('button', { name: `Clear filters` }).first().click()
  await expect(table.getByRole('link', { name: 'Load listed · run' })).toHaveCount(1)
})

test('a long log shows its end, loads what was before, is searched and saved', async ({ page, portal }) => {
  test.setTimeout(120_000)
  const job = await madeJob(portal, await portal.warehouse(), 'logged')
  const wrong = await portal.upload({ name: 'wrong-again.csv', text: orders(20, [7]) })
  const { run } = await portal.rerun(job, wrong.file_id)
  // Each attempt leaves lines of its own.
  const over = async () => (await portal.call<{ status: string }>('GET', `/job-runs/${run}`)).status === 'FAILED'
  for (let i = 0; i < 180; i++) {
    await portal.call('POST', `/job-runs/${run}/retry`)
    await expect.poll(over, { intervals: [20, 40, 80] }).toBe(true)
  }
  await page.goto(`/runs/${run}/logs`)
  const log = page.getByRole('log', { name: 'Lines of the log' })
  await expect(log.getByText(/^failed: line 8/).last()).toBeInViewport()
  await expect(page.getByText('500 lines, there are older ones')).toBeVisible()
  expect(await log.locator('time').count()).toBeLessThan(120)
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByRole('button', { name: 'Load older lines' }).click()
  await expect(page.getByText(/[5-9]\d\d lines · times in/)).toBeVisible()
  await log.hover()
  await page.mouse.wheel(0, -1_000_000)
  await expect(log.getByText('run made: INSERT into logged')).toBeVisible()
  await expect(page.getByLabel('Follow the end')).not.toBeChecked()
  await page.getByRole('button', { name: 'To the end' }).click()
  await expect(log.getByText(/^failed: line 8/).last()).toBeInViewport()
  await page.getByLabel('Search the lines').fill('run made')
  await expect(page.getByText(/1 line of \d+ loaded lines/)).toBeVisible()
  await page.reload()
  await expect(page.getByLabel('Search the lines')).toHaveValue('run made')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download log' }).click()])
  expect(download.suggestedFilename()).toBe(`run-${run}.log`)
})

test('a page that follows a run takes it up again after the portal was restarted', async ({ page }) => {
  test.setTimeout(150_000)
  const data = mkdtempSync(join(tmpdir(), 'etlportal-e2e-restart-'))
  chmodSync(data, 0o755)
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ETLPORTAL_|DATABASE_URL|S3_|AWS_|ENCRYPTION_KEY)/.test(name)))
  const serve = async (listen: string): Promise<{ child: ChildProcess; url: string }> => {
    const child = spawn(program, ['serve', '--listen', listen, '--data-dir', join(data, 'portal'), '--log-level', 'error'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        const at = /ready at (http:\S+)/.exec(line)?.[1]
        if (at) resolve(at)
      })
      child.once('exit', () => reject(new Error('etlportal serve ended')))
    })
    return { child, url }
  }
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  let { child, url } = await serve('127.0.0.1:0')
  const call: Call = async (method, path, body) => {
    const response = await fetch(`${url}/api/v1${path}`, { method, headers: { 'Content-Type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as never
  }
  const gate = await gated(call, join(data, 'portal'))
  try {
    const form = new FormData()
    form.append('file', new Blob([orders(50)]), 'restarted.csv')
    const { file_id } = (await (await fetch(`${url}/api/v1/sources/csv/upload`, { method: 'POST', body: form })).json()) as { file_id: string }
    const { id: job } = await call<{ id: number }>('POST', '/jobs', { name: 'Restarted', file_id, credential_id: gate.credential, table: 'restarted', create_table: true })
    gate.shut()
    const run = await begin(call, job)
    await page.goto(`${url}/runs/${run}`)
    await expect(page.getByText('Live', { exact: true })).toBeVisible()
    await end(child)
    await expect(page.getByText('Reconnecting', { exact: true })).toBeVisible()
    ;({ child, url } = await serve(new URL(url).host))
    await expect(page.getByText('Live', { exact: true })).toBeVisible({ timeout: 30_000 })
    gate.lead(Number(warehouseOf(join(data, 'portal')).port))
    gate.open()
    await expect(page.getByText('Completed', { exact: true })).toBeVisible({ timeout: 90_000 })
    await expect(page.getByTestId('reconciliation')).toContainText('50 read equals 50 loaded')
  } finally {
    gate.close()
    await end(child)
    rmSync(data, { recursive: true, force: true })
  }
})
