import { expect, picture, test } from './portal'

test.use({ instance: 'runs-pictures' })

const head = 'order_id,customer,quantity,price,ordered_on\n'
const row = (i: number) => [String(i), `Customer ${i % 97}`, String((i % 9) + 1), `${(i * 7) % 100}.90`, `2026-0${(i % 9) + 1}-1${i % 10}`]
const wrong: Record<number, [column: number, value: string]> = { 12: [2, 'many'], 40: [2, 'n/a'], 77: [2, 'three'], 101: [4, '2026-13-45'], 333: [4, '2026-13-45'], 500: [3, 'twelve'] }

function orders(rows: number, bad: boolean): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const cells = row(i + 1)
    const fault = bad ? wrong[i + 1] : undefined
    if (fault) cells[fault[0]] = fault[1]
    return cells.join(',')
  })
  return `${head}${lines.join('\n')}\n`
}

test('runs, a run, its log and its rejected rows', async ({ page, portal }) => {
  const credential_id = await portal.warehouse()
  const monday = await portal.upload({ name: 'orders-monday.csv', text: orders(5000, false) })
  const tuesday = await portal.upload({ name: 'orders-tuesday.csv', text: orders(5000, true) })
  const { job: strict } = await portal.run({ name: 'Daily orders', file_id: monday.file_id, credential_id, table: 'daily_orders', create_table: true })
  const failed = await portal.rerun(strict, tuesday.file_id)
  const { job } = await portal.run({ name: 'Orders, bad rows aside', file_id: monday.file_id, credential_id, table: 'orders_aside', create_table: true, on_bad_row: { mode: 'skip' } })
  const { run } = await portal.rerun(job, tuesday.file_id)

  await page.goto('/runs')
  await expect(page.getByRole('link', { name: /Daily orders · run/ }).first()).toBeVisible()
  await picture(page, 'runs', { narrow: true })
  await page.goto(`/runs/${run}`)
  await expect(page.getByText('completed: 5000 rows read')).toBeVisible()
  await picture(page, 'run', { narrow: true, fullPage: true })
  await page.goto(`/runs/${failed.run}`)
  await expect(page.getByRole('alert')).toBeVisible()
  await picture(page, 'run-failed')
  await page.goto(`/runs/${run}/logs`)
  await expect(page.getByText('completed: 5000 rows read')).toBeVisible()
  await picture(page, 'logs')
  await page.goto(`/runs/${run}/rejects`)
  await page.getByLabel('quantity, line 13').fill('5')
  await picture(page, 'rejects', { narrow: true })
})
