import { expect, picture, test } from './portal'

test.use({ instance: 'jobs-pictures' })

test('jobs, some of them chosen and paused', async ({ page, portal }) => {
  const credential_id = await portal.warehouse()
  const file = await portal.upload('web/public/samples/sample-orders.csv')
  const jobs: number[] = []
  for (const [name, table] of [['Daily orders', 'orders'], ['Regional sales', 'sales'], ['Customers of all the shops in every region', 'customers_of_all_shops'], ['Stock', 'stock'], ['Price list', 'prices']]) {
    const { job } = await portal.run({ name, file_id: file.file_id, credential_id, table, create_table: true })
    jobs.push(job)
  }
  const plan = (at: number, cron_expression: string, enabled = true) => portal.call('POST', `/schedules?job_id=${jobs[at]}`, { cron_expression, timezone: 'UTC', enabled })
  await plan(0, '30 2 * * *')
  await plan(0, '0 9 * * MON', false)
  await plan(1, '0 0 1 * *')
  await plan(2, '15 6 * * *', false)
  await page.goto('/jobs')
  for (const name of ['Daily orders', 'Regional sales', 'Price list']) await page.getByRole('checkbox', { name: `Select ${name}` }).check()
  await expect(page.getByText('1 of 2 paused').last()).toBeVisible()
  await picture(page, 'jobs', { narrow: true })
  await page.getByRole('button', { name: 'Pause schedules' }).click()
  await expect(page.getByText('Paused 2 schedules of 2 jobs.')).toBeVisible()
  await expect(page.getByText('Paused', { exact: true }).last()).toBeVisible()
  await picture(page, 'jobs-paused', { narrow: true })
})
