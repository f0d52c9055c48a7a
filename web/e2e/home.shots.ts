import { expect, picture, test, type Portal } from './portal'

test.use({ instance: 'home' })

async function fill(portal: Portal): Promise<void> {
  const credential_id = await portal.warehouse()
  const orders = await portal.upload('examples/sales.csv')
  const stock = await portal.upload({ name: 'stock-levels.csv', text: 'sku,quantity\nA-1,5\nA-2,7\nA-3,12\nA-4,2\n' })
  const wrong = await portal.upload({ name: 'stock-levels-monday.csv', text: 'sku,quantity\nA-1,5\nA-2,7\nA-3,many\nA-4,2\n' })
  const job = { credential_id, create_table: true }
  const first = await portal.run({ ...job, name: 'Daily orders', file_id: orders.file_id, table: 'orders' })
  for (let i = 0; i < 6; i++) await portal.rerun(first.job)
  const levels = await portal.run({ ...job, name: 'Stock levels', file_id: stock.file_id, table: 'stock' })
  await portal.rerun(levels.job, wrong.file_id)
  const invoices = await portal.upload('examples/rechnungen.csv')
  const second = await portal.run({ ...job, name: 'Rechnungen', file_id: invoices.file_id, table: 'rechnungen' })
  await portal.rerun(second.job)
}

test('home, empty', async ({ page }) => {
  await page.goto('/')
  await expect(page.getByRole('button', { name: 'Try it with a sample' })).toBeVisible()
  await picture(page, 'home-empty', { narrow: true })
})

test('home', async ({ page, portal }) => {
  await fill(portal)
  await page.goto('/')
  await expect(page.getByText('Needs attention')).toBeVisible()
  await expect(page.locator('.recharts-bar-rectangle').first()).toBeVisible()
  await picture(page, 'home', { narrow: true, fullPage: true })
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').getByText('sales.csv').waitFor()
  await picture(page, 'search')
})
