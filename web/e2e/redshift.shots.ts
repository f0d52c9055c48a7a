import type { Page } from '@playwright/test'
import { expect, picture, test } from './portal'

const endpoint = 'shop.123456789012.eu-central-1.redshift-serverless.amazonaws.com'
const options = { copy_role_arn: 'arn:aws:iam::123456789012:role/redshift-copy', staging_bucket: 'shop-staging' }

/** Answers of a warehouse that is not there. */
async function answers(page: Page, paths: Record<string, unknown>): Promise<void> {
  for (const [path, body] of Object.entries(paths)) await page.route(path, (route) => route.fulfill({ json: body }))
}

test('destinations of Redshift', async ({ page, portal }) => {
  await page.goto('/credentials/new')
  await page.getByRole('radio', { name: /Amazon Redshift/ }).check()
  await picture(page, 'redshift-new', { fullPage: true, narrow: true })
  await page.getByRole('radio', { name: /^IAM/ }).check()
  await page.getByRole('textbox', { name: 'Endpoint' }).fill(endpoint)
  await page.getByRole('textbox', { name: 'Database' }).focus()
  await picture(page, 'redshift-new-iam', { fullPage: true })
  await page.getByRole('radio', { name: /^Data API/ }).check()
  await page.getByRole('button', { name: 'Save and test' }).click()
  await picture(page, 'redshift-new-api', { fullPage: true })

  const made = await portal.call<{ id: number }>('POST', '/credentials', { name: 'Shop', type: 'redshift', database: 'dev', options: { ...options, access: 'data_api', workgroup: 'shop', region: 'eu-central-1' } })
  await answers(page, {
    '**/test': {
      ok: false,
      steps: [
        { name: 'login', ok: true, detail: 'logged in as IAMR:portal to database dev', duration_ms: 840 },
        { name: 'privileges', ok: true, detail: 'loads can be kept in schema etl_portal; temporary tables can be made', duration_ms: 310 },
        { name: 'staging', ok: true, detail: 'files are staged in s3://shop-staging/redshift/', duration_ms: 95 },
        { name: 'copy_role', ok: false, code: 'copy_role_denied', detail: 'the role redshift-copy may not read s3://shop-staging/redshift/', fix: 'Allow s3:GetObject on arn:aws:s3:::shop-staging/redshift/* to the role.', duration_ms: 1900 },
      ],
    },
  })
  await page.goto(`/credentials/${made.id}?test=1`)
  await expect(page.getByText('Not usable yet')).toBeVisible()
  await picture(page, 'redshift-test', { fullPage: true, narrow: true })
  await page.goto('/credentials')
  await expect(page.getByRole('link', { name: 'Shop' })).toBeVisible()
  await picture(page, 'redshift-list', { narrow: true })
})

test('a job into Redshift', async ({ page, portal }) => {
  const { id } = await portal.call<{ id: number }>('POST', '/credentials', { name: 'Shop warehouse', type: 'redshift', database: 'dev', options: { ...options, access: 'data_api', workgroup: 'shop', region: 'eu-central-1' } })
  const file = await portal.upload('examples/sales.csv')
  await answers(page, {
    [`**/destinations/${id}/schemas`]: { schemas: [{ name: 'sales', can_create: true, default: true }] },
    '**/jobs/validate': {
      ddl: 'CREATE TABLE "sales"."orders" (\n  "order_id" BIGINT NOT NULL,\n  "ordered_at" TIMESTAMP ENCODE AZ64,\n  "customer" VARCHAR(64)\n)\nDISTSTYLE KEY\nDISTKEY ("order_id")\nCOMPOUND SORTKEY ("ordered_at")',
      notes: [],
    },
  })
  const other = await portal.warehouse()
  await page.route('**/jobs/suggest', (route) => route.continue({ postData: { ...(route.request().postDataJSON() as Record<string, unknown>), credential_id: other } }))
  await page.goto(`/jobs/new?file=${file.file_id}`)
  await page.getByRole('radio', { name: /Shop warehouse/ }).check()
  await picture(page, 'redshift-wizard-destination')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('Distribution, sort order, compression').click()
  await page.getByLabel('Distribution', { exact: true }).selectOption('KEY')
  await page.getByLabel('Distribution column').selectOption({ index: 1 })
  await page.getByLabel('Sort order').selectOption('COMPOUND')
  await page.getByLabel('Sort column').selectOption({ index: 2 })
  await page.getByLabel('Another sort column').selectOption({ index: 1 })
  await page.getByLabel('Compression of a column').selectOption({ index: 3 })
  await picture(page, 'redshift-wizard-table', { fullPage: true, narrow: true })
  await page.goto(`/jobs/new?file=${file.file_id}&step=load`)
  await page.getByRole('radio', { name: /Add or update/ }).check()
  await picture(page, 'redshift-wizard-load', { fullPage: true })
})
