import type { ClipboardEvent } from 'react'
import { Field, Input, OptionCard, Select } from '@/shared/components'
import type { Access } from '@/shared/lib/warehouse'
import { isTold, type CredentialForm, type Fields } from './form'

interface Props {
  form: CredentialForm
  values: Fields
  message: (name: keyof Fields) => string | undefined
}

const accesses: { value: Access; title: string; what: string }[] = [
  { value: 'connection', title: 'User and password', what: 'The portal connects to the endpoint. Needs a way there through the network.' },
  { value: 'iam', title: 'IAM', what: 'The portal connects with a user and password that AWS gives it for some minutes: none is kept. Needs a way there through the network.' },
  { value: 'data_api', title: 'Data API', what: 'Statements go through AWS: the warehouse may be in a private network. Logs in by a secret, or by the portal’s identity in AWS.' },
]

/** How the portal comes to the warehouse. */
export function AccessChoice({ values, message, onChoose }: Props & { onChoose: (access: Access) => void }) {
  const error = message('access')
  return (
    <fieldset aria-describedby={error ? 'field-access-error' : undefined}>
      <legend className="mb-1 text-sm font-medium">Access</legend>
      <div className="grid gap-3">
        {accesses.map((each) => (
          <OptionCard key={each.value} group="access" id={each.value === values.access ? 'field-access' : undefined} checked={values.access === each.value} onChoose={() => onChoose(each.value)} title={each.title}>
            {each.what}
          </OptionCard>
        ))}
      </div>
      {error && (
        <p id="field-access-error" className="mt-1 text-xs font-medium text-bad-text">
          {error}
        </p>
      )}
    </fieldset>
  )
}

/** Which warehouse AWS is asked about. */
export function WarehouseFields({ form, values, message, onPaste }: Props & { onPaste: (event: ClipboardEvent) => void }) {
  const api = values.access === 'data_api'
  const told = isTold(values)
  const name = values.warehouse === 'workgroup' ? 'workgroup' : 'cluster_identifier'
  const label = values.warehouse === 'workgroup' ? 'Workgroup' : 'Cluster'
  return (
    <>
      <Field label="Warehouse" name="warehouse">
        {(props) => (
          <Select {...props} {...form.register('warehouse')}>
            <option value="workgroup">Serverless: a workgroup</option>
            <option value="cluster">Provisioned: a cluster</option>
          </Select>
        )}
      </Field>
      <Field key={name} label={label} name={name} required={!told} optional={told} error={message(name)} hint={api ? 'Its name; an endpoint pasted here fills the other fields.' : told ? 'As the endpoint says, unless named here.' : 'Its name: this endpoint does not tell it.'}>
        {(props) => <Input {...props} {...form.register(name)} autoComplete="off" spellCheck={false} onPaste={onPaste} />}
      </Field>
      <Field label="Region" name="region" optional error={message('region')} hint={told ? 'As the endpoint says, unless named here.' : 'Where it is; without one, the portal’s own.'}>
        {(props) => <Input {...props} {...form.register('region')} autoComplete="off" spellCheck={false} placeholder="eu-central-1" />}
      </Field>
    </>
  )
}

/** The secret by which the Data API logs in. */
export function SecretField({ form, message }: Props) {
  return (
    <Field label="Secret’s ARN" name="secret_arn" optional error={message('secret_arn')} hint="A secret of Secrets Manager with username and password. Without one, AWS gives temporary credentials to the portal’s own identity.">
      {(props) => <Input {...props} {...form.register('secret_arn')} autoComplete="off" spellCheck={false} className="font-mono text-xs" placeholder="arn:aws:secretsmanager:…" />}
    </Field>
  )
}

/** Where files are put for the warehouse, and by which role it reads them. */
export function StagingFields({ form, message }: Props) {
  return (
    <fieldset className="rounded-md border border-line p-3 pt-1">
      <legend className="px-1 text-sm font-medium">Files for COPY</legend>
      <div className="space-y-4">
        <Field label="Role’s ARN" name="copy_role_arn" required error={message('copy_role_arn')} hint="By it Redshift reads the files. It must be attached to the warehouse; the word default means the warehouse’s default role.">
          {(props) => <Input {...props} {...form.register('copy_role_arn')} autoComplete="off" spellCheck={false} className="font-mono text-xs" placeholder="arn:aws:iam::123456789012:role/redshift-copy" />}
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Bucket" name="staging_bucket" optional error={message('staging_bucket')} hint="Where the files are put. Without one, the portal’s own bucket in S3; the store that comes with the portal is none that Redshift can read.">
            {(props) => <Input {...props} {...form.register('staging_bucket')} autoComplete="off" spellCheck={false} />}
          </Field>
          <Field label="Folder in it" name="staging_prefix" optional error={message('staging_prefix')} hint="Let a lifecycle rule delete what is in it after some days.">
            {(props) => <Input {...props} {...form.register('staging_prefix')} autoComplete="off" spellCheck={false} placeholder="redshift/" />}
          </Field>
          <Field label="Bucket’s region" name="staging_region" optional error={message('staging_region')} hint="Only where it is not the warehouse’s.">
            {(props) => <Input {...props} {...form.register('staging_region')} autoComplete="off" spellCheck={false} placeholder="eu-central-1" />}
          </Field>
        </div>
      </div>
    </fieldset>
  )
}
