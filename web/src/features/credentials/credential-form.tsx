import { useState, type ClipboardEvent } from 'react'
import { useWatch } from 'react-hook-form'
import type { Credential, CredentialInput } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button, ErrorPanel, ErrorSummary, Field, Input, OptionCard, Select, Textarea } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { accessOf } from '@/shared/lib/warehouse'
import { accessChange, hostNames, inputOf, modeIn, parseUrl, refusals, shownOf, sslModes, typeChange, type CredentialForm as Form, type Fields } from './form'
import { AccessChoice, SecretField, StagingFields, WarehouseFields } from './redshift-fields'

const types = [
  { value: 'postgresql', title: 'PostgreSQL', what: 'Rows are copied into it directly.' },
  { value: 'redshift', title: 'Amazon Redshift', what: 'Serverless or a cluster. Rows go through an S3 bucket, from which it copies them.' },
] as const

/** The fields of a destination. onSave may throw a Problem; what it says of single fields shows at them. */
export function CredentialForm({ form, credential, onSave, action }: { form: Form; credential?: Credential; onSave: (input: CredentialInput) => Promise<unknown>; action: string }) {
  const [failure, setFailure] = useState<unknown>(null)
  const { errors, isSubmitting, submitCount } = form.formState
  const values = useWatch({ control: form.control, compute: (all) => all })
  const shown = shownOf(values)
  const message = (name: keyof Fields) => errors[name]?.message
  const change = (to: Partial<Fields>) => {
    for (const [name, value] of Object.entries(to)) form.setValue(name as keyof Fields, value, { shouldDirty: true, shouldValidate: form.formState.isSubmitted })
  }
  const takeApart = (event: ClipboardEvent) => {
    const found = parseUrl(event.clipboardData.getData('text'))
    if (!found) return
    event.preventDefault()
    change(found)
  }
  const save = form.handleSubmit(async (parsed) => {
    setFailure(null)
    try {
      await onSave(inputOf(parsed, credential))
      form.resetField('password', { defaultValue: '' })
    } catch (error) {
      const named = error instanceof Problem ? refusals(error) : []
      named.forEach(({ name, message: text }) => form.setError(name, { message: text }))
      setFailure(error)
    }
  })
  const list = (Object.keys(values) as (keyof Fields)[]).flatMap((name) => {
    const text = message(name)
    return text && isShown(name, shown, values) ? [{ name, message: text }] : []
  })
  const shared = { form, values, message }
  const stored = credential !== undefined && accessOf(credential) === 'connection'
  return (
    <form noValidate onSubmit={(event) => void save(event)} className="space-y-4">
      <ErrorSummary errors={list} attempt={submitCount} />
      {failure !== null && <ErrorPanel error={failure} />}
      <fieldset>
        <legend className="mb-1 text-sm font-medium">Kind</legend>
        <div className="grid gap-3 sm:grid-cols-2">
          {types.map((each) => (
            <OptionCard key={each.value} group="type" id={each.value === values.type ? 'field-type' : undefined} checked={values.type === each.value} onChoose={() => change(typeChange(values, each.value))} title={each.title}>
              {each.what}
            </OptionCard>
          ))}
        </div>
        {message('type') && <p className="mt-1 text-xs font-medium text-bad-text">{message('type')}</p>}
      </fieldset>
      <Field label="Name" name="name" required hint="As jobs and people know it." error={message('name')}>
        {(props) => <Input {...props} {...form.register('name')} autoComplete="off" />}
      </Field>
      {shown.redshift && <AccessChoice {...shared} onChoose={(access) => change(accessChange(values, access))} />}
      {shown.network && (
        <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
          <Field label={shown.redshift ? 'Endpoint' : 'Host'} name="host" required error={message('host')} hint={shown.redshift ? 'As the console shows it for the workgroup or cluster; pasted here, it fills the other fields.' : 'A postgresql:// URL pasted here fills the other fields.'}>
            {(props) => (
              <Input {...props} {...form.register('host', { onBlur: () => change(hostNames(form.getValues())) })} autoComplete="off" spellCheck={false} placeholder={shown.redshift ? 'name.123456789012.eu-central-1.redshift-serverless.amazonaws.com' : undefined} onPaste={takeApart} />
            )}
          </Field>
          <Field label="Port" name="port" required error={message('port')}>
            {(props) => <Input {...props} {...form.register('port')} inputMode="numeric" />}
          </Field>
        </div>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        {shown.named && <WarehouseFields {...shared} onPaste={takeApart} />}
        <Field label="Database" name="database" required error={message('database')}>
          {(props) => <Input {...props} {...form.register('database')} autoComplete="off" spellCheck={false} placeholder={shown.redshift ? 'dev' : undefined} />}
        </Field>
        {shown.user && (
          <Field label="User" name="username" required={shown.password} optional={!shown.password} error={message('username')} hint={shown.password ? undefined : 'Without one, the user of the portal’s own identity in AWS.'}>
            {(props) => <Input {...props} {...form.register('username')} autoComplete="off" spellCheck={false} />}
          </Field>
        )}
        {shown.password && (
          <Field label="Password" name="password" error={message('password')} hint={stored ? 'Left empty, the stored one stays. It is never shown.' : 'Stored encrypted, and never shown again.'}>
            {(props) => <Input {...props} {...form.register('password')} type="password" autoComplete="new-password" placeholder={stored ? '••••••••' : undefined} />}
          </Field>
        )}
      </div>
      {shown.secret && <SecretField {...shared} />}
      {shown.redshift && <StagingFields {...shared} />}
      <div className={cn('grid gap-4', shown.network ? 'sm:grid-cols-[1fr_7rem]' : 'sm:grid-cols-[7rem]')}>
        {shown.network && (
          <Field label="Encryption (ssl_mode)" name="ssl_mode" error={message('ssl_mode')}>
            {(props) => (
              <Select {...props} {...form.register('ssl_mode')}>
                {sslModes
                  .filter(({ value }) => modeIn(values.type, value) === value && !(shown.named && value === 'disable'))
                  .map(({ value, label }) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
              </Select>
            )}
          </Field>
        )}
        <Field label="Loaders" name="max_parallel" error={message('max_parallel')} hint="At a time">
          {(props) => <Input {...props} {...form.register('max_parallel')} inputMode="numeric" />}
        </Field>
      </div>
      {certificate(values) && (
        <Field label="Authority's certificate" name="ssl_root_cert" optional error={message('ssl_root_cert')} hint="PEM, where the system does not know the authority.">
          {(props) => <Textarea {...props} {...form.register('ssl_root_cert')} spellCheck={false} className="font-mono text-xs" placeholder="-----BEGIN CERTIFICATE-----" />}
        </Field>
      )}
      <Button type="submit" variant="primary" busy={isSubmitting}>
        {action}
      </Button>
    </form>
  )
}

const certificate = (values: Fields) => shownOf(values).network && (values.ssl_mode.startsWith('verify') || values.ssl_mode === 'require')

/** Whether a field is on the page, so that an error can lead to it. */
function isShown(name: keyof Fields, shown: ReturnType<typeof shownOf>, values: Fields): boolean {
  switch (name) {
    case 'host':
    case 'port':
    case 'ssl_mode':
      return shown.network
    case 'ssl_root_cert':
      return certificate(values)
    case 'username':
      return shown.user
    case 'password':
      return shown.password
    case 'workgroup':
      return shown.named && values.warehouse === 'workgroup'
    case 'cluster_identifier':
      return shown.named && values.warehouse === 'cluster'
    case 'region':
      return shown.named
    case 'secret_arn':
      return shown.secret
    case 'copy_role_arn':
    case 'staging_bucket':
    case 'staging_prefix':
    case 'staging_region':
      return shown.redshift
    default:
      return true
  }
}
