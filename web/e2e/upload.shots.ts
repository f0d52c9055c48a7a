import { expect, picture, test } from './portal'

test.use({ instance: 'upload' })

test('upload', async ({ page, portal }) => {
  await portal.upload({ name: 'customers.csv', text: 'id,name\n1,Ada\n2,Grace\n' })
  await page.goto('/files/new')
  await picture(page, 'upload-empty', { narrow: true })
  // The second part of the large file waits, so that there is something to look at.
  await page.route(
    (url) => url.searchParams.has('partNumber'),
    async (route) => {
      if (new URL(route.request().url()).searchParams.get('partNumber') !== '2') await route.continue()
    },
  )
  const input = page.getByLabel('CSV files')
  const file = (name: string, text: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
  await page.evaluate((line) => {
    const data = new DataTransfer()
    data.items.add(new File([line.repeat(1_500_000)], 'events-2026.csv'))
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
  }, '100042,2026-11-23 08:15:00,page_view,/pricing,Berlin,DE,desktop,0.42\n')
  await input.setInputFiles('../examples/sales.csv')
  await input.setInputFiles(file('book.xlsx', 'PK\x03\x04 xl/workbook.xml'))
  await input.setInputFiles(file('customers.csv', 'id,name\n1,Ada\n2,Grace\n'))
  await expect(page.getByText('Uploaded in')).toBeVisible()
  await expect(page.getByText('1 of 2 parts')).toBeVisible()
  await picture(page, 'upload', { narrow: true, fullPage: true })
})
