import { zodResolver } from '@hookform/resolvers/zod'
import { useState } from 'react'
import { useForm, useWatch } from 'react-hook-form'
import type { Credential, CredentialInput } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button, ErrorPanel, ErrorSummary, Field, Input, Select, Textarea } from '@/shared/components'
import { fields, initial, inputOf, parseUrl, refusals, sslModes, type Fields, type Parsed } from './form'

/** The fields of a destination. onSave may throw a Problem; what it says of single fields shows at them. */
export function CredentialForm({ credential, onSave, action }: { credential?: Credential; onSave: (input: CredentialInput) => Promise<unknown>; action: string }) {
  const form = useForm<Fields, unknown, Parsed>({ resolver: zodResolver(fields), defaultValues: initial(credential), shouldFocusError: false })
  const [failure, setFailure] = useState<unknown>(null)
  const { errors, isSubmitting, submitCount } = form.formState
  const mode = useWatch({ control: form.control, name: 'ssl_mode' })
  const message = (name: keyof Fields) => errors[name]?.message
  const save = form.handleSubmit(async (values) => {
    setFailure(null)
    try {
      await onSave(inputOf(values, credential))
      form.resetField('password', { defaultValue: '' })
    } catch (error) {
      const named = error instanceof Problem ? refusals(error) : []
      named.forEach(({ name, message: text }) => form.setError(name, { message: text }))
      setFailure(error)
    }
  })
  const list = (Object.keys(fields.shape) as (keyof Fields)[]).flatMap((name) => {
    const text = message(name)
    return text ? [{ name, message: text }] : []
  })
  return (
    <form noValidate onSubmit={(event) => void save(event)} className="space-y-4">
      <ErrorSummary errors={list} attempt={submitCount} />
      {failure !== null && <ErrorPanel error={failure} />}
      <Field label="Name" name="name" required hint="As jobs and people know it." error={message('name')}>
        {(props) => <Input {...props} {...form.register('name')} autoComplete="off" />}
      </Field>
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
        <Field label="Host" name="host" required error={message('host')} hint="A postgresql:// URL pasted here fills the other fields.">
          {(props) => (
            <Input
              {...props}
              {...form.register('host')}
              autoComplete="off"
              spellCheck={false}
              onPaste={(event) => {
                const found = parseUrl(event.clipboardData.getData('text'))
                if (!found) return
                event.preventDefault()
                for (const [name, value] of Object.entries(found)) form.setValue(name as keyof Fields, value, { shouldDirty: true, shouldValidate: true })
              }}
            />
          )}
        </Field>
        <Field label="Port" name="port" required error={message('port')}>
          {(props) => <Input {...props} {...form.register('port')} inputMode="numeric" />}
        </Field>
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Database" name="database" required error={message('database')}>
          {(props) => <Input {...props} {...form.register('database')} autoComplete="off" spellCheck={false} />}
        </Field>
        <Field label="Kind" name="type" error={message('type')}>
          {(props) => (
            <Select {...props} {...form.register('type')}>
              <option value="postgresql">PostgreSQL</option>
              <option value="redshift">Amazon Redshift</option>
            </Select>
          )}
        </Field>
        <Field label="User" name="username" required error={message('username')}>
          {(props) => <Input {...props} {...form.register('username')} autoComplete="off" spellCheck={false} />}
        </Field>
        <Field label="Password" name="password" error={message('password')} hint={credential ? 'Left empty, the stored one stays. It is never shown.' : 'Stored encrypted, and never shown again.'}>
          {(props) => <Input {...props} {...form.register('password')} type="password" autoComplete="new-password" placeholder={credential ? '••••••••' : undefined} />}
        </Field>
      </div>
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
        <Field label="Encryption (ssl_mode)" name="ssl_mode" error={message('ssl_mode')}>
          {(props) => (
            <Select {...props} {...form.register('ssl_mode')}>
              {sslModes.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Loaders" name="max_parallel" error={message('max_parallel')} hint="At a time">
          {(props) => <Input {...props} {...form.register('max_parallel')} inputMode="numeric" />}
        </Field>
      </div>
      {(mode.startsWith('verify') || mode === 'require') && (
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
