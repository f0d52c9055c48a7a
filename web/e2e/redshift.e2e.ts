import type { Locator, Page } from '@playwright/test'
import { checkAccessibility, checkNarrow, expect, test } from './portal'

const endpoint = 'shop.123456789012.eu-central-1.redshift-serverless.amazonaws.com'
const arn = 'arn:aws:iam::123456789012:role/copy'

/** Goes to a field with the Tab key alone and types into it, in place of what it holds. */
async function typeInto(page: Page, field: Locator, text: string): Promise<void> {
  await tabTo(page, field)
  await page.keyboard.press('Control+a')
  await page.keyboard.type(text)
}

async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let i = 0; i < 100; i++) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`100 presses of Tab do not reach ${String(target)}`)
}

test('by keyboard alone a destination of Redshift, and why its host is no use', async ({ page }) => {
  await page.goto('/credentials/new')
  await tabTo(page, page.getByRole('radio', { name: /PostgreSQL/ }))
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('radio', { name: /Amazon Redshift/ })).toBeChecked()
  await expect(page.getByLabel('Port', { exact: true })).toHaveValue('5439')
  await checkAccessibility(page)
  await checkNarrow(page)

  await typeInto(page, page.getByLabel('Name', { exact: true }), 'Shop in Redshift')
  await tabTo(page, page.getByRole('radio', { name: /^User and password/ }))
  await typeInto(page, page.getByRole('textbox', { name: 'Endpoint' }), '127.0.0.1')
  await typeInto(page, page.getByLabel('Port', { exact: true }), '1')
  await typeInto(page, page.getByRole('textbox', { name: 'Database' }), 'dev')
  await typeInto(page, page.getByLabel('User', { exact: true }), 'loader')
  await typeInto(page, page.getByLabel('Password', { exact: true }), 'of nobody')
  await page.keyboard.press('Enter')
  const summary = page.getByRole('alert')
  await expect(summary).toBeFocused()
  await checkAccessibility(page)
  await tabTo(page, summary.getByRole('link', { name: 'Name the role by which COPY reads the files' }))
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Role’s ARN')).toBeFocused()
  await page.keyboard.type(arn)
  await typeInto(page, page.getByRole('textbox', { name: 'Bucket (optional)' }), 'stage')
  await expect(page.getByRole('region', { name: 'The role’s policy' })).toContainText('arn:aws:s3:::stage/redshift/*')
  await expect(page.getByRole('region', { name: 'Grants' })).toContainText('GRANT TEMPORARY ON DATABASE dev TO loader;')
  await tabTo(page, page.getByRole('button', { name: 'Save and test' }))
  await page.keyboard.press('Enter')

  await expect(page.getByRole('heading', { level: 1, name: 'Shop in Redshift' })).toBeVisible()
  await expect(page.getByText('Not usable yet')).toBeVisible()
  const steps = page.getByRole('list', { name: 'Steps of the test' })
  await expect(steps.getByText('Network: failed')).toBeAttached()
  await expect(steps).toContainText('no server takes connections at 127.0.0.1:1')
  await expect(steps).toContainText('Check host and port')
  await expect(steps.getByText('Staging: not tried')).toBeAttached()
  await expect(steps.getByText('COPY role: not tried')).toBeAttached()
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.goto('/credentials')
  await expect(page.getByRole('row', { name: /Shop in Redshift/ })).toContainText('Amazon Redshift')
})

test('each access to a warehouse has its own fields, and keeps what it needs', async ({ page, portal }) => {
  const made = await portal.call<{ id: number }>('POST', '/credentials', {
    name: 'Workgroup', type: 'redshift', host: endpoint, port: 5439, database: 'dev', username: 'loader', password: 'word', ssl_mode: 'require', options: { copy_role_arn: arn, staging_bucket: 'stage' },
  })
  await page.goto(`/credentials/${made.id}`)
  await page.getByRole('radio', { name: /^IAM/ }).check()
  await expect(page.getByLabel('Password', { exact: true })).toBeHidden()
  await expect(page.getByRole('textbox', { name: /^Workgroup/ })).toHaveValue('shop')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByText('Temporary credentials: not tried')).toBeAttached()

  await page.getByRole('radio', { name: /^Data API/ }).check()
  await expect(page.getByRole('textbox', { name: 'Endpoint' })).toBeHidden()
  await page.getByLabel('Secret’s ARN').fill('arn:aws:secretsmanager:eu-central-1:12:secret:x')
  await checkAccessibility(page)
  await checkNarrow(page)
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  // What the portal refuses is marked where it is.
  await expect(page.getByLabel('Secret’s ARN')).toHaveAttribute('aria-invalid', 'true')
  await checkAccessibility(page)
  await page.getByLabel('Secret’s ARN').fill('')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByText('shop/dev')).toBeVisible()
  await expect(page.getByText('Network: not tried')).toBeHidden()
  const stored = await portal.call<{ options: Record<string, string> }>('GET', `/credentials/${made.id}`)
  expect(stored.options).toEqual({ access: 'data_api', workgroup: 'shop', region: 'eu-central-1', copy_role_arn: arn, staging_bucket: 'stage' })

  // A password for another way than the stored one's is asked for.
  await page.getByRole('radio', { name: /^User and password/ }).check()
  await page.getByLabel('User', { exact: true }).fill('loader')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('aria-invalid', 'true')
})
