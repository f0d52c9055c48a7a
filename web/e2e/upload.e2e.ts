import type { Page } from '@playwright/test'
import { closeSync, mkdtempSync, openSync, rmSync, utimesSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAccessibility, checkNarrow, expect, test } from './portal'

const size = 300_000_000
const part = 64 * 1024 * 1024
const parts = Math.ceil(size / part)
let folder = ''

/** A CSV of 300 MB on disk: rows of 100 bytes. */
function large(name: string): string {
  const path = join(folder, name)
  const line = (text: string) => `${text.padEnd(98, '.')}"\n`
  const block = Buffer.from(line('1,2024-01-02 03:04:05,"Grace Hopper').repeat(10_000))
  const file = openSync(path, 'w')
  writeSync(file, line('id,at,"name'))
  for (let left = size - 100; left > 0; left -= block.length) writeSync(file, block, 0, Math.min(left, block.length))
  closeSync(file)
  utimesSync(path, 1_700_000_000, 1_700_000_000)
  return path
}

const partOf = (url: string) => Number(new URL(url).searchParams.get('partNumber'))
const isPart = (url: URL) => url.searchParams.has('partNumber')
const input = (page: Page) => page.getByLabel('CSV files')

/** The parts that the browser sends, as it begins to, and those that the store has taken. */
function watch(page: Page): { begun: number[]; taken: number[] } {
  const seen = { begun: [] as number[], taken: [] as number[] }
  page.on('request', (request) => {
    if (request.method() === 'PUT' && isPart(new URL(request.url()))) seen.begun.push(partOf(request.url()))
  })
  page.on('response', (response) => {
    if (response.request().method() === 'PUT' && response.ok() && isPart(new URL(response.url()))) seen.taken.push(partOf(response.url()))
  })
  return seen
}

/** Lets no part after `last` through. */
async function holdAfter(page: Page, last: number): Promise<void> {
  await page.route(isPart, async (route) => {
    // Held ones end with the page, or with the test.
    if (partOf(route.request().url()) <= last) await route.continue()
  })
}

test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'etlportal-upload-'))
})
test.afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('300 MB, reloaded in the middle: the same file is chosen again, and only the missing parts go up', async ({ page, portal }) => {
  test.setTimeout(180_000)
  const path = large('large.csv')
  const before = watch(page)
  await holdAfter(page, 3)
  page.on('dialog', (dialog) => void dialog.accept())
  await page.goto('/files/new')
  await input(page).setInputFiles(path)
  await expect.poll(() => [...before.taken].sort(), { timeout: 60_000 }).toEqual([1, 2, 3])
  await expect(page.getByRole('progressbar', { name: 'Upload of large.csv' })).toBeVisible()
  // Parts go up side by side: those that are held were begun as well.
  expect([...before.begun].sort()).toEqual([1, 2, 3, 4, 5])
  await page.reload()
  await page.unroute(isPart)

  const arrived = Math.floor(((3 * part) / size) * 100)
  await expect(page.getByText(`Choose the same file to resume, ${arrived} % done`)).toBeVisible()
  await checkAccessibility(page)
  const other = { name: 'large.csv', mimeType: 'text/csv', buffer: Buffer.from('a\n1\n') }
  await page.getByLabel('large.csv, to resume').setInputFiles(other)
  await expect(page.getByRole('alert')).toContainText('it has 4 B instead of 286 MiB')

  const after = { begun: before.begun.length, taken: before.taken.length }
  await page.getByLabel('large.csv, to resume').setInputFiles(path)
  await expect(page.getByText('Uploaded in')).toBeVisible({ timeout: 60_000 })
  expect(before.begun.slice(after.begun).sort()).toEqual([4, 5])
  expect(before.taken.slice(after.taken).sort()).toEqual([4, 5])
  await expect(page.getByText('Choose the same file to resume')).toBeHidden()

  const { items } = await portal.call<{ items: { filename: string; size: number }[] }>('GET', '/sources/csv')
  expect(items.filter((file) => file.filename === 'large.csv').map((file) => file.size)).toEqual([size])
  expect(parts).toBe(5)

  // The very same file once more is recognised, and nothing is sent.
  await page.getByRole('button', { name: 'Take large.csv off the list' }).click()
  await input(page).setInputFiles(path)
  await expect(page.getByText('This very file was uploaded')).toBeVisible()
  expect(before.begun.length).toBe(after.begun + 2)
  await page.getByRole('link', { name: 'Open that file large.csv' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'large.csv' })).toBeVisible()
})

test('pauses, resumes, goes offline and comes back by itself, cancels', async ({ page, context, portal }) => {
  test.setTimeout(180_000)
  const path = large('paused.csv')
  const seen = watch(page)
  await holdAfter(page, 2)
  await page.goto('/files/new')
  await input(page).setInputFiles(path)
  await expect.poll(() => [...seen.taken].sort(), { timeout: 60_000 }).toEqual([1, 2])
  await page.getByRole('button', { name: 'Pause paused.csv' }).click()
  await expect(page.getByText('Paused at 44 %')).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)

  await page.getByRole('button', { name: 'Resume paused.csv' }).click()
  await expect.poll(() => seen.begun.filter((each) => each === 5).length).toBe(2)
  await context.setOffline(true)
  await expect(page.getByText('goes on by itself once this device is online again')).toBeVisible()
  await page.unroute(isPart)
  await holdAfter(page, 4)
  await context.setOffline(false)
  await expect.poll(() => [...seen.taken].sort(), { timeout: 60_000 }).toEqual([1, 2, 3, 4])

  await page.getByRole('button', { name: 'Cancel paused.csv' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel upload' }).click()
  await expect(page.getByRole('alertdialog')).toBeHidden()
  await expect(page.getByRole('progressbar')).toBeHidden()
  const { items } = await portal.call<{ items: { filename: string }[] }>('GET', '/sources/csv')
  expect(items.map((file) => file.filename)).not.toContain('paused.csv')
})

test('several files dropped on the window; what is no CSV is refused before a byte goes up', async ({ page }) => {
  test.setTimeout(120_000)
  const sent: string[] = []
  page.on('request', (request) => {
    if (request.method() !== 'GET') sent.push(`${request.method()} ${request.postData() ?? ''}`)
  })
  await page.goto('/files/new')
  await checkAccessibility(page)
  await checkNarrow(page)
  const drop = async (files: { name: string; bytes: number[] }[]) => {
    const data = await page.evaluateHandle((given) => {
      const transfer = new DataTransfer()
      for (const { name, bytes } of given) transfer.items.add(new File([new Uint8Array(bytes)], name, { lastModified: 1_700_000_000_000 }))
      return transfer
    }, files)
    await page.dispatchEvent('body', 'dragenter', { dataTransfer: data })
    await expect(page.getByText('Drop to upload')).toBeVisible()
    await page.dispatchEvent('body', 'drop', { dataTransfer: data })
  }
  const bytes = (text: string) => [...Buffer.from(text, 'latin1')]

  await drop([
    { name: 'book.xlsx', bytes: bytes('PK\x03\x04\x14\x00\x06\x00[Content_Types].xml xl/workbook.xml') },
    { name: 'renamed.csv', bytes: bytes('PK\x03\x04\x14\x00\x06\x00xl/workbook.xml') },
    { name: 'paper.pdf', bytes: bytes('%PDF-1.7\n') },
    { name: 'packed.csv', bytes: bytes('\x1f\x8b\x08\x00\x00') },
    { name: 'empty.csv', bytes: [] },
  ])
  const row = (name: string) => page.getByRole('listitem').filter({ hasText: name })
  await expect(row('book.xlsx')).toContainText('book.xlsx is an Excel workbook (XLSX). Nothing was sent.')
  await expect(row('book.xlsx')).toContainText('choose “Save as” → “CSV UTF-8”')
  await expect(row('renamed.csv')).toContainText('Excel workbook')
  await expect(row('paper.pdf')).toContainText('a PDF document')
  await expect(row('packed.csv')).toContainText('gzip-compressed')
  await expect(row('empty.csv')).toContainText('holds nothing')
  expect(sent).toEqual([])
  await checkAccessibility(page)

  await drop([
    { name: 'one.csv', bytes: bytes('a,b\n1,2\n') },
    { name: 'two.tsv', bytes: bytes('a\tb\n3\t4\n') },
  ])
  await expect(row('one.csv').getByRole('link', { name: 'Open file one.csv' })).toBeVisible()
  await expect(row('two.tsv').getByRole('link', { name: 'Load into a table two.tsv' })).toHaveAttribute('href', /\/jobs\/new\?file=/)
  await drop([{ name: 'one.csv', bytes: bytes('a,b\n1,2\n') }])
  await expect(page.getByText('one.csv is in the list below already.')).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
})

test('cells copied from a spreadsheet are pasted as a file', async ({ page }) => {
  await page.goto('/files/new')
  await expect(page.getByRole('button', { name: 'Choose files' })).toBeVisible()
  await page.evaluate(() => {
    const data = new DataTransfer()
    data.setData('text/plain', 'sku\tquantity\nA-1\t5\nA-2\t7\n')
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))
  })
  await page.getByRole('link', { name: /^Open file pasted-.*\.tsv$/ }).click()
  await expect(page.getByRole('gridcell', { name: 'A-2' })).toBeVisible()
})

test('a file that is refused once it is there says why and what to do', async ({ page }) => {
  await page.goto('/files/new')
  const bytes = Buffer.alloc(4_000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + (i % 8)
  await input(page).setInputFiles({ name: 'noise.csv', mimeType: 'text/csv', buffer: bytes })
  await expect(page.getByRole('alert')).toContainText('Fix:')
  await checkAccessibility(page)
})
