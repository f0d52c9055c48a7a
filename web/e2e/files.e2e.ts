import type { Page } from '@playwright/test'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAccessibility, checkNarrow, expect, test } from './portal'

const rows = 1_000_000
let folder = ''

/** A CSV of a million rows on disk. */
async function million(): Promise<string> {
  const path = join(folder, 'million.csv')
  const file = createWriteStream(path)
  file.write('id,at,city,amount,comment\n')
  const cities = ['Berlin', 'Lyon', 'Osaka', 'Boston']
  let block = ''
  for (let i = 1; i <= rows; i++) {
    block += `${i},2024-01-${String(1 + (i % 28)).padStart(2, '0')},${cities[i % 4] ?? ''},${((i * 7919) % 100_000) / 100},${i % 3 ? '' : `note ${i}`}\n`
    if (i % 20_000 === 0) {
      if (!file.write(block)) await once(file, 'drain')
      block = ''
    }
  }
  file.end()
  await once(file, 'close')
  return path
}

const grid = (page: Page) => page.getByRole('grid')
const rowText = (page: Page, row: number) => page.locator(`[role=row][aria-rowindex="${row + 1}"]`)

test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'etlportal-files-'))
})
test.afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the dialect is corrected live, the jobs that read it so are named, and back', async ({ page, portal }) => {
  test.setTimeout(180_000)
  const file = await portal.upload('examples/rechnungen.csv')
  const job = await portal.call<{ id: number }>('POST', '/jobs', { name: 'Invoices', file_id: file.file_id, credential_id: await portal.warehouse(), table: 'invoices', create_table: true })
  await page.goto(`/files/${file.file_id}`)
  await expect(page.getByRole('combobox', { name: /^Encoding/ })).toHaveValue('windows-1252')
  await expect(page.getByRole('combobox', { name: /^Delimiter/ })).toHaveValue(';')
  await expect(page.getByRole('spinbutton', { name: /^Skip lines/ })).toHaveValue('2')
  await expect(page.getByRole('columnheader', { name: /^Rechnungsnr\./ })).toBeVisible()
  await expect(rowText(page, 1)).toContainText('Müller & Söhne GmbH')
  await expect(page.getByRole('link', { name: 'Invoices' })).toHaveAttribute('href', `/jobs/${job.id}`)
  await checkAccessibility(page)

  await page.getByRole('combobox', { name: /^Encoding/ }).selectOption('utf-8')
  await expect(page.getByText('is not valid UTF-8').first()).toBeVisible()
  await expect(page.getByText('1 job will read it so: Invoices')).toBeVisible()
  await page.getByRole('combobox', { name: /^Encoding/ }).selectOption('windows-1252')
  await expect(page.getByText('is not valid UTF-8')).toHaveCount(0)

  await page.getByRole('combobox', { name: /^Header/ }).selectOption('0')
  await expect(page.getByRole('columnheader', { name: /^column_1/ })).toBeVisible()
  await expect(rowText(page, 1)).toContainText('Rechnungsnr.')
  await page.getByRole('spinbutton', { name: /^Skip lines/ }).fill('3')
  await page.getByRole('spinbutton', { name: /^Skip lines/ }).press('Enter')
  await expect(rowText(page, 1)).toContainText('R-2024-0001')
  await page.getByRole('button', { name: 'More and why' }).click()
  const zone = page.getByRole('combobox', { name: /^Time zone/ })
  await zone.fill('Europe/Berlin')
  await zone.press('Enter')
  await expect(page.getByRole('button', { name: 'Time zone as found' })).toBeVisible()
  const order = page.getByRole('combobox', { name: /^Order of dates/ })
  await order.selectOption('ymd')
  await expect(page.getByRole('combobox', { name: /^Order of dates corrected/ })).toHaveValue('ymd')
  await checkAccessibility(page)
  await page.getByRole('button', { name: 'Back to what was found' }).click()
  await expect(zone).toHaveValue('')
  await expect(order).toHaveValue('')
  await expect(page.getByRole('columnheader', { name: /^Rechnungsnr\./ })).toBeVisible()
  await expect(page.getByRole('spinbutton', { name: /^Skip lines/ })).toHaveValue('2')

  // A type: what holds it, what does not and where, and the choice.
  await page.getByRole('columnheader', { name: /^PLZ/ }).click()
  await expect(page).toHaveURL(/col=PLZ/)
  const card = page.getByTestId('column-card')
  await expect(card).toContainText('which a number would lose')
  await card.getByRole('button', { name: 'Try other types' }).click()
  await expect(card).toContainText('147 of 240 do not fit, first at line 4: \'90402\' does not fit smallint')
  await checkAccessibility(page)
  await card.getByRole('button', { name: 'Use integer' }).click()
  await expect(page.getByRole('columnheader', { name: /^PLZ integer/ })).toBeVisible()
  await expect(card).toContainText('corrected')

  // Every chart is a table as well.
  await page.goto(`/files/${file.file_id}?col=Netto`)
  await card.getByRole('button', { name: 'View as table' }).click()
  await expect(card.getByRole('region', { name: 'Spread of Netto as a table' }).getByRole('row')).not.toHaveCount(1)
  await checkAccessibility(page)
  await checkNarrow(page)

  await page.getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitem', { name: 'Delete file' }).click()
  const dialog = page.getByRole('alertdialog')
  await expect(dialog.getByRole('link', { name: 'Invoices' })).toBeVisible()
  await dialog.getByRole('button', { name: 'Delete file' }).click()
  await expect(dialog.getByRole('alert')).toContainText('Invoices')
  await checkAccessibility(page)
})

test('a million rows scroll to their end', async ({ page }, info) => {
  test.setTimeout(180_000)
  const path = await million()
  await page.goto('/files/new')
  await page.getByLabel('CSV files').setInputFiles(path)
  await page.getByRole('link', { name: 'Open file million.csv' }).click({ timeout: 60_000 })
  // The profile goes from the sample to the whole file while one looks at it.
  await expect(page.getByText('1,000,000 rows', { exact: true })).toBeVisible({ timeout: 60_000 })
  await expect(grid(page)).toHaveAttribute('aria-rowcount', String(rows + 1))

  // By the wheel, frame by frame: what is on the screen is what is in the file. How long frames take is told, not judged.
  const box = page.getByTestId('grid-scroller')
  await box.hover()
  await page.evaluate(() => {
    const seen: number[] = []
    Object.assign(window, { frames_: seen })
    let last = performance.now()
    const frame = (now: number) => {
      seen.push(now - last)
      last = now
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
  for (let i = 0; i < 60; i++) {
    await page.mouse.wheel(0, 300)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
  }
  const frames = await page.evaluate(() => (window as unknown as { frames_: number[] }).frames_.slice(1))
  const sorted = [...frames].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]?.toFixed(1)
  const long = frames.filter((each) => each > 50).length
  const told = `${frames.length} frames: median ${at(0.5)} ms, 95 % within ${at(0.95)} ms, longest ${at(1)} ms, ${long} longer than 50 ms`
  info.annotations.push({ type: 'frames', description: told })
  console.log(`scrolling a million rows: ${told}`)
  const shown = async () => await page.locator('[role=row][aria-rowindex]').evaluateAll((all) => all.map((each) => [Number(each.getAttribute('aria-rowindex')) - 1, each.querySelector('[data-column="0"]')?.textContent] as const).filter(([row]) => row > 0))
  await expect.poll(async () => (await shown()).every(([row, id]) => id === String(row))).toBe(true)
  expect((await shown()).some(([row]) => row > 500)).toBe(true)

  // By the bar, to the middle and to the end.
  await box.evaluate((element) => (element.scrollTop = element.scrollHeight / 2))
  await expect.poll(async () => (await shown()).every(([row, id]) => row > 400_000 && row < 600_000 && id === String(row))).toBe(true)
  await box.evaluate((element) => (element.scrollTop = element.scrollHeight))
  await expect(rowText(page, rows)).toContainText('1,000,000')
  await expect(rowText(page, rows)).toContainText('1,000,001') // its line: the header is the first
  await expect(page).toHaveURL(/offset=9999\d\d/)

  // A link to there opens there.
  await page.reload()
  await expect(rowText(page, rows)).toContainText('1,000,000')
  await page.getByLabel('Go to row').fill('123,456')
  await page.getByLabel('Go to row').press('Enter')
  await expect(rowText(page, 123_456)).toContainText('note 123456')
  await expect(page.getByText('Row 123,456 · id:')).toBeVisible()

  // By keyboard: one stop, arrows within.
  await grid(page).focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  await expect(page.getByText('Row 123,457 · at:')).toBeVisible()
  await page.keyboard.press('Control+Home')
  await expect(grid(page)).toHaveAttribute('aria-activedescendant', 'head-0')
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/col=comment/)
  await page.keyboard.press('Control+End')
  await expect(page.getByText('Row 1,000,000 · comment:')).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
})

test('a thousand columns are drawn as they are scrolled to', async ({ page, portal }) => {
  const names = Array.from({ length: 1000 }, (_, i) => `c${i + 1}`)
  const text = [names.join(','), ...Array.from({ length: 30 }, (_, row) => names.map((_, column) => row * 1000 + column).join(','))].join('\n')
  const file = await portal.upload({ name: 'wide.csv', text: `${text}\n` })
  await page.goto(`/files/${file.file_id}`)
  await expect(grid(page)).toHaveAttribute('aria-colcount', '1001')
  await expect(rowText(page, 2).getByRole('gridcell', { name: '1003', exact: true })).toBeVisible()
  expect(await page.getByRole('columnheader').count()).toBeLessThan(40)
  await grid(page).focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('End')
  await expect(page.getByRole('columnheader', { name: /^c1000 / })).toBeVisible()
  await expect(rowText(page, 2).getByRole('gridcell', { name: '1999', exact: true })).toBeVisible()
})

test('the list is searched and filtered by its address, and a file deleted from it', async ({ page, portal }) => {
  await portal.upload({ name: 'north.csv', text: 'a\n1\n' })
  await portal.upload({ name: 'south.csv', text: 'a\n2\n' })
  await page.goto('/files?q=north')
  await expect(page.getByRole('link', { name: 'north.csv' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'south.csv' })).toBeHidden()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByLabel('Search files by name').fill('nowhere')
  await expect(page).toHaveURL('/files?q=nowhere')
  await expect(page.getByText('No file is like this')).toBeVisible()
  await checkAccessibility(page)
  await page.getByRole('button', { name: 'Show all files' }).click()
  await page.getByLabel('State').selectOption('complete')
  await expect(page).toHaveURL('/files?state=complete')
  await page.getByRole('button', { name: 'Actions for south.csv' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete file' }).click()
  await expect(page.getByRole('link', { name: 'south.csv' })).toBeHidden()
})

test('a file that there is not says so, with a way on', async ({ page }) => {
  await page.goto('/files/00000000-0000-4000-8000-000000000000')
  await expect(page.getByRole('alert').getByRole('link', { name: 'All files' })).toBeVisible()
  await checkAccessibility(page)
})
