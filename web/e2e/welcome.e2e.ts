import { checkAccessibility, checkNarrow, expect, test } from './portal'

test.use({ instance: 'welcome' })

test('an empty portal offers a sample, and opens it', async ({ page }) => {
  await page.goto('/')
  await expect(page.getByRole('button', { name: 'Try it with a sample' })).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByRole('button', { name: 'Try it with a sample' }).click()
  await expect(page).toHaveURL(/\/files\/[0-9a-f-]{36}/)
})
