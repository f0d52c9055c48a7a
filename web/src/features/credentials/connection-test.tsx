import { useMutation } from '@tanstack/react-query'
import { ArrowDown, CircleCheck, CircleDashed, CircleX, Lightbulb, PlugZap } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { call, client } from '@/shared/api/client'
import type { ConnectionTest, Credential } from '@/shared/api/model'
import { Button, Card, CodeBlock, ErrorPanel, ProgressBar } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatDuration } from '@/shared/lib/format'
import { accessOf } from '@/shared/lib/warehouse'
import { needsId } from './redshift-needs'

const steps: Record<string, { label: string; what: string }> = {
  dns: { label: 'Name', what: 'the host has an address' },
  tcp: { label: 'Network', what: 'the port answers' },
  tls: { label: 'Encryption', what: 'as asked for' },
  credentials: { label: 'Temporary credentials', what: 'AWS gives user and password' },
  login: { label: 'Login', what: 'user, password, database' },
  privileges: { label: 'Privileges', what: 'what a load needs' },
  staging: { label: 'Staging', what: 'files can be put into the bucket' },
  copy_role: { label: 'COPY role', what: 'the warehouse reads them by the role' },
}

/** The steps that a test of a destination takes, in their order. */
function planOf(credential: Pick<Credential, 'type' | 'options'>): string[] {
  if (credential.type !== 'redshift') return ['dns', 'tcp', 'tls', 'login', 'privileges']
  const access = accessOf(credential)
  const way = { connection: ['dns', 'tcp', 'tls'], iam: ['dns', 'tcp', 'tls', 'credentials'], data_api: [] }[access]
  return [...way, 'login', 'privileges', 'staging', 'copy_role']
}

/** Steps that fail for what is to be set up in AWS, as the panel of it says. */
const inNeeds = new Set(['credentials', 'staging', 'copy_role'])

/** What was tried, and after a failure what was not: the portal decides about the steps. */
function shownSteps(credential: Pick<Credential, 'type' | 'options'>, result: ConnectionTest | undefined): string[] {
  const plan = planOf(credential)
  if (!result) return plan
  const tried = result.steps.map(({ name }) => name as string)
  const last = plan.indexOf(tried.at(-1) ?? '')
  return [...tried, ...(result.ok ? [] : plan.slice(last + 1).filter((name) => !tried.includes(name)))]
}

/** Tries the connection step by step; the first step that fails says why and what to do. */
export function ConnectionTestCard({ credential, start }: { credential: Credential; start: boolean }) {
  const { id, version } = credential
  const test = useMutation({ mutationFn: () => call(client.POST('/api/v1/credentials/{id}/test', { params: { path: { id } } })) })
  const { mutate, reset } = test
  const tested = useRef(version)
  useEffect(() => {
    if (start) mutate()
  }, [start, mutate])
  useEffect(() => {
    // A result of what it was before says nothing of what it is now.
    if (tested.current !== version) reset()
    tested.current = version
  }, [version, reset])
  return (
    <Card
      title="Connection"
      actions={
        <Button size="sm" busy={test.isPending} onClick={() => mutate()}>
          {!test.isPending && <PlugZap aria-hidden />}
          Test connection
        </Button>
      }
    >
      {test.error && <ErrorPanel error={test.error} className="mb-3" />}
      {test.isPending && <ProgressBar value={null} label="Connection test" className="mb-3" />}
      <Steps credential={credential} result={test.data} />
      <p role="status" className={cn('mt-3 text-sm font-medium', test.data ? (test.data.ok ? 'text-ok-text' : 'text-bad-text') : 'sr-only')}>
        {test.data && (test.data.ok ? 'Ready to load into.' : 'Not usable yet: see the step that failed.')}
      </p>
    </Card>
  )
}

function Steps({ credential, result }: { credential: Credential; result: ConnectionTest | undefined }) {
  return (
    <ol aria-label="Steps of the test" className="space-y-3">
      {shownSteps(credential, result).map((name) => {
        const { label, what } = steps[name] ?? { label: name, what: '' }
        const step = result?.steps.find((each) => each.name === name)
        const Icon = step ? (step.ok ? CircleCheck : CircleX) : CircleDashed
        const grant = step?.fix?.includes('GRANT ')
        return (
          <li key={name} className="flex gap-2.5 text-sm">
            <Icon aria-hidden className={cn('mt-0.5 size-4.5 shrink-0', step ? (step.ok ? 'text-ok-text' : 'text-bad-text') : 'text-faint')} />
            <div className="min-w-0 flex-1">
              <div className="flex justify-between gap-3">
                <p className="font-medium">
                  {label}
                  <span className="sr-only">{step ? (step.ok ? ': passed' : ': failed') : ': not tried'}</span>
                </p>
                {step && <span className="text-xs text-muted">{formatDuration(step.duration_ms)}</span>}
              </div>
              <p className={cn('text-xs break-words', step && !step.ok ? 'text-bad-text' : 'text-muted')}>{step ? step.detail : what}</p>
              {step?.fix &&
                (grant ? (
                  <div className="mt-2">
                    <p className="mb-1 text-xs">Ask the database's owner to run:</p>
                    <CodeBlock label="Missing grants" code={step.fix.replace(/^Ask for: /, '').replace(/; (?=GRANT)/g, ';\n')} wrap />
                  </div>
                ) : (
                  <p className="mt-1 flex gap-1.5 text-xs">
                    <Lightbulb aria-hidden className="mt-0.5 size-3.5 shrink-0 text-warn-text" />
                    <span>{step.fix}</span>
                  </p>
                ))}
              {step && !step.ok && inNeeds.has(name) && (
                <Button
                  variant="ghost"
                  size="sm"
                  className="mt-1 -ml-2"
                  onClick={() => {
                    const panel = document.getElementById(needsId)
                    panel?.scrollIntoView({ block: 'start' })
                    panel?.focus({ preventScroll: true })
                  }}
                >
                  <ArrowDown aria-hidden />
                  What Redshift needs
                </Button>
              )}
            </div>
          </li>
        )
      })}
    </ol>
  )
}
