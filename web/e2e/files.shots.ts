import { expect, picture, test } from './portal'

test.use({ instance: 'files' })

test('files', async ({ page, portal }) => {
  await page.goto('/files')
  await expect(page.getByText('No file yet')).toBeVisible()
  await picture(page, 'files-empty', { narrow: true })
  const sales = await portal.upload('examples/sales.csv')
  const invoices = await portal.upload('examples/rechnungen.csv')
  await portal.upload({ name: 'stock-levels.csv', text: 'sku,quantity\nA-1,5\nA-2,7\n' })
  await page.goto('/files')
  await expect(page.getByRole('link', { name: 'sales.csv' })).toBeVisible()
  await picture(page, 'files', { narrow: true })

  await page.goto(`/files/${sales.file_id}?col=unit_price`)
  await expect(page.getByRole('gridcell').first()).not.toBeEmpty()
  await expect(page.getByText('Spread')).toBeVisible()
  await picture(page, 'file', { narrow: true, fullPage: true })

  await page.goto(`/files/${invoices.file_id}?col=PLZ`)
  await page.getByRole('button', { name: 'More and why' }).click()
  await page.getByRole('button', { name: 'Try other types' }).click()
  await expect(page.getByText('147 of 240')).toBeVisible()
  await picture(page, 'file-types', { fullPage: true })
})
