import { picture, test } from './portal'

test('search and commands', async ({ page, portal }) => {
  await portal.upload('examples/sales.csv')
  await page.goto('/')
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').getByText('sales.csv').waitFor()
  await picture(page, 'search')
})
