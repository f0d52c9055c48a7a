import type { Locator, Page } from '@playwright/test'
import { checkAccessibility, checkNarrow, expect, test } from './portal'

// The samples are offered where there is no file yet.
test.use({ instance: 'job-wizard' })

/** Goes to an element with the Tab key alone. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let i = 0; i < 200; i++) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`200 presses of Tab do not reach ${String(target)}`)
}

async function pressOn(page: Page, target: Locator, key = 'Enter'): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.press(key)
}

const next = (page: Page) => page.getByRole('button', { name: 'Continue' })
const step = (page: Page, title: string) => expect(page.getByRole('heading', { level: 2, name: title })).toBeVisible()

test('by keyboard alone from a sample to a finished run', async ({ page }) => {
  test.setTimeout(180_000)
  await page.goto('/jobs/new')
  await pressOn(page, page.getByRole('button', { name: 'Try it with a sample' }))
  await expect(page).toHaveURL(/\/files\/[0-9a-f-]{36}/)
  await pressOn(page, page.getByRole('main').getByRole('link', { name: 'Load into a table' }))

  await step(page, 'Into which database?')
  // Going on without a choice says what is missing and leads there.
  await pressOn(page, next(page))
  const summary = page.getByRole('alert')
  await expect(summary).toBeFocused()
  await pressOn(page, summary.getByRole('link', { name: 'Choose the database to load into' }))
  await page.keyboard.press('Space')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.keyboard.press('Control+Enter')

  await step(page, 'Into which table?')
  await expect(page.getByRole('heading', { level: 2, name: 'Into which table?' })).toBeFocused()
  await tabTo(page, page.getByLabel('Name of the table'))
  await page.keyboard.press('Control+a')
  await page.keyboard.type('keyboard_orders')
  await expect(page.getByRole('region', { name: 'DDL' })).toContainText('keyboard_orders')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.keyboard.press('Control+Enter')

  await step(page, 'Which column goes where?')
  await pressOn(page, page.getByRole('button', { name: 'Add a calculated column' }))
  await tabTo(page, page.getByLabel('Into'))
  await page.keyboard.type('total')
  await tabTo(page, page.getByRole('textbox', { name: 'Expression' }))
  // Half of a name, completed by Enter.
  await page.keyboard.type('quantity * unit_pr')
  await expect(page.getByRole('listbox', { name: 'Columns and functions' }).getByRole('option', { name: /unit_price/ })).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('textbox', { name: 'Expression' })).toHaveValue('quantity * unit_price')
  await expect(page.getByRole('region', { name: 'total on real rows' })).toContainText('1743.00')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.keyboard.press('Control+Enter')

  await step(page, 'How are rows loaded?')
  await pressOn(page, page.getByLabel('Nothing is loaded'), 'ArrowDown')
  await expect(page.getByLabel('They are set aside')).toBeChecked()
  await tabTo(page, page.getByLabel('Filter'))
  await page.keyboard.type('quantity > 1')
  await expect(page.getByText(/Keeps \d+ of the first \d+ rows/)).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.keyboard.press('Control+Enter')

  await step(page, 'Check, then run')
  await expect(page.getByText(/The whole file fits|would be set aside/)).toBeVisible()
  await tabTo(page, page.getByLabel('Name of the job'))
  await page.keyboard.type('Orders by keyboard')
  await checkAccessibility(page)
  await checkNarrow(page)
  await tabTo(page, page.getByLabel('Name of the job'))
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/runs\/\d+/)
  await expect(page.getByRole('main').getByText('Completed').first()).toBeVisible({ timeout: 60_000 })
})

test('an existing table: what is left over on both sides, and what has to be filled', async ({ page, portal }) => {
  test.setTimeout(120_000)
  const credential = await portal.warehouse()
  const made = await portal.upload({ name: 'customers.csv', text: 'id,customer,amount,note\n1,Ada,1.50,x\n2,Bob,2.25,y\n' })
  const first = await portal.run({
    name: 'Make customers',
    file_id: made.file_id,
    credential_id: credential,
    table: 'customers',
    create_table: true,
    load_strategy: 'UPSERT',
    upsert_keys: ['id'],
  })
  expect(first.status).toBe('COMPLETED')
  const other = await portal.upload({ name: 'cust.csv', text: 'cust,amt,extra\nAda,9.50,1\nEve,3.00,2\n' })
  await page.goto(`/jobs/new?file=${other.file_id}`)
  await page.getByRole('radio').first().check()
  await next(page).click()
  await page.getByRole('radio', { name: /Existing table/ }).check()
  await page.getByRole('radio', { name: /customers/ }).check()
  await expect(page.getByRole('table', { name: 'Columns of the table' })).toContainText('must be mapped')
  await checkAccessibility(page)
  await checkNarrow(page)
  await next(page).click()
  await step(page, 'Which column goes where?')
  await next(page).click()
  await expect(page.getByRole('alert')).toContainText('“id” may not be empty')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByRole('button', { name: /^cust / }).or(page.getByRole('button', { name: /cust to customer/ })).first().click()
  await page.getByLabel('Load extra into').selectOption('id')
  await next(page).click()
  await step(page, 'How are rows loaded?')
  await page.getByRole('radio', { name: /Add or update/ }).check()
  await expect(page.getByRole('checkbox', { name: 'id' })).toBeChecked()
  await next(page).click()
  await expect(page.getByText('The whole file fits')).toBeVisible()
  const samples = page.getByRole('table', { name: 'Rows of the table before and after' })
  await expect(samples.getByRole('row', { name: /^2 updated/ }).or(samples.getByRole('row', { name: /^2 unchanged/ }))).toBeVisible()
  await expect(samples).toContainText('Eve')
  await checkAccessibility(page)
})

test('a wrong type ends with a counter-example, and the draft survives a reload', async ({ page, portal }) => {
  test.setTimeout(120_000)
  const file = await portal.upload({ name: 'stock-draft.csv', text: 'sku,quantity\nA-1,5\nA-2,many\nA-3,7\n' })
  await page.goto(`/jobs/new?file=${file.file_id}`)
  await page.getByRole('radio').first().check()
  await next(page).click()
  await page.getByLabel('Name of the table').fill('stock_draft')
  await next(page).click()
  await page.getByRole('button', { name: /^quantity to quantity/ }).click()
  await page.getByLabel('Type', { exact: true }).selectOption('integer')
  await expect(page.getByText('1 row of 3 does not fit integer')).toBeVisible()
  await expect(page.getByText("'many' is not integer").first()).toBeVisible()
  await expect(page.getByRole('progressbar')).toHaveCount(0)
  await checkAccessibility(page)

  await page.reload()
  await step(page, 'Which column goes where?')
  await expect(page.getByLabel('Type', { exact: true })).toHaveValue('integer')
  await next(page).click()
  await next(page).click()
  const refusal = page.getByRole('alert')
  await expect(refusal).toContainText('line 3: "many"')
  await expect(refusal).toContainText('Fix:')
  await checkAccessibility(page)
  await checkNarrow(page)

  // Where bad rows are set aside, the dry run counts and lists them.
  await page.getByRole('button', { name: /Load ?, done/ }).click()
  await page.getByRole('radio', { name: /They are set aside/ }).check()
  await next(page).click()
  await expect(page.getByText('1 bad row would be set aside')).toBeVisible()
  await expect(page.getByRole('table', { name: 'Rows that cannot be loaded' }).getByRole('row').nth(1)).toContainText('many')
  await checkAccessibility(page)
  await checkNarrow(page)

  // An expression that cannot be used says where it is wrong.
  await page.getByRole('button', { name: /Mapping ?, done/ }).click()
  await page.getByRole('button', { name: 'Add a calculated column' }).click()
  await page.getByLabel('Into').fill('twice')
  await page.getByRole('textbox', { name: 'Expression' }).fill('2 * quantit ')
  await expect(page.getByText('Did you mean quantity?')).toBeVisible()
  await expect(page.locator('[data-error-mark]')).toHaveText('quantit')
  await checkAccessibility(page)

  await page.getByRole('button', { name: 'Start over' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Start over' }).click()
  await step(page, 'Into which database?')
  await expect(page.getByRole('radio').first()).not.toBeChecked()
})

test('a job is found, changed, compared with what it was, run with another file, deleted', async ({ page, portal }) => {
  test.setTimeout(180_000)
  const file = await portal.upload({ name: 'fruit.csv', text: 'fruit,weight\napple,5\npear,7\n' })
  const other = await portal.upload({ name: 'fruit-2.csv', text: 'fruit,weight,colour\nplum,2,blue\n' })
  const unlike = await portal.upload({ name: 'fruit-3.csv', text: 'weight\n2\n' })
  const { job } = await portal.run({ name: 'Fruit', file_id: file.file_id, credential_id: await portal.warehouse(), table: 'fruit', create_table: true })
  await page.goto('/jobs')
  await page.getByRole('searchbox', { name: 'Search jobs' }).fill('fru')
  await expect(page).toHaveURL(/q=fru/)
  await expect(page.getByRole('link', { name: 'Fruit' })).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByLabel('Last result').selectOption('FAILED')
  await expect(page.getByText('No job fits')).toBeVisible()
  await page.getByRole('button', { name: 'Show all jobs' }).click()
  await expect(page).toHaveURL('/jobs')
  await page.goto('/jobs?status=COMPLETED')
  await page.getByRole('link', { name: 'Fruit' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Fruit' })).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)

  await page.getByRole('link', { name: 'Change' }).click()
  await step(page, 'Which column goes where?')
  await page.getByRole('button', { name: /^fruit to fruit/ }).click()
  await page.getByLabel('Add a step to fruit').selectOption('UPPER')
  await expect(page.getByRole('region', { name: 'fruit on real rows' })).toContainText('APPLE')
  await next(page).click()
  await next(page).click()
  await expect(page.getByText('The whole file fits')).toBeVisible()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}$`))
  await page.getByRole('tab', { name: 'Versions' }).click()
  await expect(page.getByText('What version 2 changed')).toBeVisible()
  await expect(page.getByText('UPPER', { exact: true })).toBeVisible()
  await checkAccessibility(page)
  await checkNarrow(page)

  await page.getByRole('tab', { name: 'YAML' }).click()
  await expect(page.getByRole('region', { name: 'Mapping file' })).toContainText('UPPER')
  await page.getByLabel('Or paste it').fill('columns:\n  - {source: fruit, destination: fruits}\n')
  await page.getByRole('button', { name: 'Replace the mapping' }).click()
  await expect(page.getByRole('alert')).toContainText('fruits')
  await checkAccessibility(page)
  await checkNarrow(page)
  for (const tab of ['Runs', 'Schedule']) {
    await page.getByRole('tab', { name: tab }).click()
    await checkAccessibility(page)
    await checkNarrow(page)
  }

  await page.getByRole('button', { name: 'Run with another file' }).click()
  await page.getByRole('radio', { name: /fruit-3/ }).check()
  await expect(page.getByText('The mapping cannot be used with this file')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Run with this file' })).toBeDisabled()
  await page.getByRole('radio', { name: /fruit-2/ }).check()
  await expect(page.getByText('It can be loaded; its columns differ')).toBeVisible()
  await checkAccessibility(page, '[role=dialog]')
  await checkNarrow(page)
  await page.getByRole('button', { name: 'Run with this file' }).click()
  await expect(page).toHaveURL(/\/runs\/\d+/)
  await expect(page.getByRole('main').getByText('Completed').first()).toBeVisible({ timeout: 60_000 })

  await page.goto(`/jobs/${job}`)
  await page.getByRole('button', { name: 'Delete Fruit' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete job' }).click()
  await expect(page).toHaveURL('/jobs')
  await expect(page.getByRole('link', { name: 'Fruit' })).toBeHidden()
  for (const id of [other, unlike]) await portal.call('DELETE', `/sources/csv/${id.file_id}`)
})
