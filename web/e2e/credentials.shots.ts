import { expect, picture, test } from './portal'

test('destinations', async ({ page, portal }) => {
  await portal.call('POST', '/credentials', { name: 'Sales warehouse', type: 'postgresql', host: 'sales.example.org', port: 5432, database: 'sales', username: 'loader', ssl_mode: 'verify-full' })
  const file = await portal.upload('examples/sales.csv')
  const id = await portal.warehouse()
  await portal.run({ name: 'Daily orders', file_id: file.file_id, credential_id: id, table: 'orders', create_table: true })
  await page.goto('/credentials')
  await expect(page.getByRole('link', { name: 'Sales warehouse' })).toBeVisible()
  await picture(page, 'destinations', { narrow: true })
  await page.goto(`/credentials/${id}?test=1`)
  await expect(page.getByText('Ready to load into.')).toBeVisible()
  await expect(page.getByRole('link', { name: 'Daily orders' })).toBeVisible()
  await picture(page, 'destination', { narrow: true, fullPage: true })
})

test('tokens', async ({ page, portal }) => {
  await portal.call('POST', '/tokens', { name: 'nightly import', role: 'editor' })
  await page.goto('/admin/tokens')
  await page.getByRole('button', { name: 'New token' }).click()
  await page.getByLabel('Name').fill('dashboard')
  await page.getByLabel('Role').selectOption('viewer')
  await page.getByRole('button', { name: 'Make token' }).click()
  await page.getByText('Copy the token').waitFor()
  await page.evaluate(() => {
    // A picture in the documentation holds no secret.
    for (const code of document.querySelectorAll('code')) code.textContent = code.innerText.replace(/etlp_[\w-]{20,}/, 'etlp_…')
  })
  await picture(page, 'tokens')
})
