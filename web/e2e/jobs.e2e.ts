import { checkAccessibility, checkNarrow, expect, test } from './portal'

test.use({ instance: 'jobs' })

test('schedules of several jobs are paused by keyboard, which the list shows, and switched on again', async ({ page, portal }) => {
  test.setTimeout(120_000)
  const file = await portal.upload({ name: 'paused.csv', text: 'id,amount\n1,2\n2,3\n' })
  const credential_id = await portal.warehouse()
  const made = async (name: string) => (await portal.call<{ id: number }>('POST', '/jobs', { name, file_id: file.file_id, credential_id, table: name.toLowerCase().replace(' ', '_'), create_table: true })).id
  const plan = async (job: number, cron_expression: string, enabled = true) => (await portal.call<{ id: number }>('POST', `/schedules?job_id=${job}`, { cron_expression, timezone: 'UTC', enabled })).id
  const orders = await made('Pause orders')
  const sales = await made('Pause sales')
  await made('Pause nothing')
  const other = await made('Left alone')
  const nightly = await plan(orders, '0 3 1 1 *')
  await plan(orders, '0 4 1 1 *')
  const off = await plan(sales, '0 5 1 1 *', false)
  const weekly = await plan(sales, '0 6 1 1 *')
  const kept = await plan(other, '0 7 1 1 *')
  const enabled = async (id: number) => (await portal.call<{ enabled: boolean }>('GET', `/schedules/${id}`)).enabled

  await page.goto('/jobs?q=pause')
  const row = (name: string) => page.getByRole('table', { name: 'Jobs' }).getByRole('row').filter({ has: page.getByRole('link', { name }) })
  await expect(row('Pause nothing')).toContainText('no schedule')
  await expect(row('Pause sales')).toContainText('1 of 2 paused')
  const all = page.getByRole('button', { name: 'Select all 3 shown' })
  await all.focus()
  await page.keyboard.press('Tab')
  // From the buttons above on to the first box of the list.
  await expect(page.getByRole('checkbox').first()).toBeFocused()
  await page.keyboard.press('Space')
  await expect(page.getByText('1 job selected')).toBeVisible()
  await all.press('Enter')
  await expect(page.getByText('3 jobs selected')).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: 'Pause schedules' })).toBeFocused()
  await page.keyboard.press('Enter')
  const report = page.getByRole('status', { name: 'What became of the schedules' })
  await expect(report).toContainText('Paused 3 schedules of 2 jobs.')
  await expect(report).toContainText('1 schedule of 1 job was paused already.')
  await expect(report).toContainText('Nothing to pause: Pause nothing has no schedule.')
  await expect(row('Pause orders').getByText('Paused').last()).toBeVisible()
  await expect(row('Pause sales').getByText('Paused').last()).toBeVisible()
  await expect(page).toHaveURL(/\/jobs\?q=pause$/)
  expect(await Promise.all([nightly, weekly, off, kept].map(enabled))).toEqual([false, false, false, true])
  await checkAccessibility(page)
  await checkNarrow(page)

  // Taken back, what was off before is off.
  await report.getByRole('button', { name: 'Undo' }).click()
  await expect(report).toContainText('Resumed 3 schedules of 2 jobs.')
  await expect(row('Pause sales')).toContainText('1 of 2 paused')
  expect(await Promise.all([nightly, weekly, off].map(enabled))).toEqual([true, true, false])
  await page.getByRole('button', { name: 'Resume schedules' }).click()
  await expect(report).toContainText('Resumed 1 schedule of 1 job.')
  expect(await enabled(off)).toBe(true)

  // One that the portal refuses is told with its reason; the others are done.
  await page.route(`**/api/v1/schedules/${nightly}/disable`, (route) =>
    route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Conflict', status: 409, code: 'in_use', detail: 'somebody else is changing it', fix: 'Try again', request_id: 'r-1', errors: [] }) }),
  )
  await page.getByRole('button', { name: 'Pause schedules' }).click()
  const alert = page.getByRole('alert')
  await expect(alert).toContainText('A schedule could not be paused')
  await expect(alert).toContainText(`Pause orders, 0 3 1 1 * (schedule ${nightly}) somebody else is changing it`)
  await expect(report).toContainText('Paused 3 schedules of 2 jobs.')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.unroute(`**/api/v1/schedules/${nightly}/disable`)
  await alert.getByRole('button', { name: 'Try again' }).click()
  await expect(report).toContainText('Paused 4 schedules of 2 jobs.')
  await expect(alert).toBeHidden()
  expect(await enabled(nightly)).toBe(false)
})
