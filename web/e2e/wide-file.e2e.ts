import { checkAccessibility, checkNarrow, expect, test } from './portal'

test.use({ instance: 'wide-file' })

const names = Array.from({ length: 1000 }, (_, i) => `column_${String(i + 1).padStart(4, '0')}`)

test('a file of 1,000 columns is mapped: few of them are in the page, all of them are reached', async ({ page, portal }) => {
  const rows = Array.from({ length: 20 }, (_, row) => names.map((_, column) => (column % 2 ? String(row * column) : `text ${row}`)).join(','))
  const file = await portal.upload({ name: 'wide.csv', text: [names.join(','), ...rows].join('\n') + '\n' })
  await page.goto(`/jobs/new?file=${file.file_id}`)
  await page.getByRole('radio').first().check()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('Name of the table').fill('wide')
  await page.getByRole('button', { name: 'Continue' }).click()

  const table = page.getByRole('table', { name: 'Mapped columns' })
  const row = (name: string) => table.getByRole('button', { name: `${name} to ${name}` })
  await expect(row('column_0001')).toBeVisible()
  const trial = page.getByRole('table', { name: 'Rows as the mapping makes them' })
  await expect(trial).toHaveAttribute('aria-colcount', '1002')
  await expect(table).toHaveAttribute('aria-rowcount', '1001')
  const elements = () => page.evaluate(() => document.querySelectorAll('*').length)
  expect(await elements()).toBeLessThan(3000)

  // By keyboard to the last one, and an editor that is left open far above.
  await row('column_0002').click()
  await expect(page.getByLabel('Into')).toHaveValue('column_0002')
  await row('column_0002').press('End')
  await expect(row('column_1000')).toBeFocused()
  await expect(row('column_1000')).toBeInViewport()
  // The header and the open editor are rows, too.
  await expect(table.getByRole('row').filter({ has: page.getByRole('button', { name: 'column_1000 to column_1000' }) })).toHaveAttribute('aria-rowindex', '1002')
  await page.keyboard.press('ArrowUp')
  await expect(row('column_0999')).toBeFocused()
  await page.keyboard.press('PageUp')
  await expect(row('column_0989')).toBeFocused()

  // The focus is not lost where it is scrolled away.
  await page.evaluate(() => window.scrollTo({ top: 0 }))
  await expect(row('column_0001')).toBeInViewport()
  await expect(row('column_0989')).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await expect(row('column_0990')).toBeInViewport()
  expect(await elements()).toBeLessThan(3500)

  await page.getByRole('searchbox', { name: 'Search mapped columns' }).fill('0500')
  await expect(page.getByText('1 column of 1000')).toBeVisible()
  await row('column_0500').click()
  await page.getByLabel('Into').fill('column_0001')
  await page.getByRole('button', { name: 'Continue' }).click()
  const summary = page.getByRole('alert')
  await expect(summary).toBeFocused()
  await table.getByRole('button', { name: 'column_0500 to column_0001' }).click()
  await page.getByRole('searchbox', { name: 'Search mapped columns' }).fill('')
  // What is wrong leads to its field, open or not.
  await summary.getByRole('link', { name: 'Two columns go into “column_0001”' }).click()
  await expect(page.getByLabel('Into')).toBeFocused()
  await page.getByLabel('Into').fill('column_0500')
  await expect(trial).toBeVisible()
  // Where few are shown none stands half under a button of the bars.
  await page.getByRole('searchbox', { name: 'Search mapped columns' }).fill('0500')
  await expect(page.getByText('1 column of 1000')).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)

  // Sideways through the trial.
  await page.getByRole('region', { name: 'Rows as they will be' }).evaluate((element) => element.scrollTo({ left: element.scrollWidth }))
  await expect(trial.getByRole('columnheader', { name: /^column_1000/ })).toBeVisible()

  // The key is searched for, not scrolled to.
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('radio', { name: /Add or update/ }).check()
  await expect(page.getByText('50 of 1,000 columns')).toBeVisible()
  const before = await page.getByRole('list', { name: 'Chosen key columns' }).getByRole('listitem').count()
  await page.getByRole('searchbox', { name: 'Search columns for the key' }).fill('column_0777')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.getByRole('searchbox', { name: 'Search columns for the key' }).fill('')
  await expect(page.getByRole('list', { name: 'Chosen key columns' }).getByRole('listitem')).toHaveCount(before + 1)
  await expect(page.getByRole('list', { name: 'Chosen key columns' })).toContainText('column_0777')
  await expect(page.getByRole('list', { name: 'Columns', exact: true }).getByRole('checkbox')).toHaveCount(50)
  await checkAccessibility(page)
  await checkNarrow(page)
})
