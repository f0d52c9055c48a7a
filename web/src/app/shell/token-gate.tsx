import { useQueryClient } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { call, client } from '@/shared/api/client'
import { currentToken, setToken } from '@/shared/api/session'
import { Button, Card, ErrorPanel, Field, Input, PageHeader } from '@/shared/components'

/** Asks for an API token where the portal demands one. */
export function TokenGate() {
  const queries = useQueryClient()
  const [value, setValue] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const enter = async () => {
    setBusy(true)
    try {
      await call(client.GET('/api/v1/me', { headers: { Authorization: `Bearer ${value.trim()}` } }))
      setToken(value.trim())
      await queries.resetQueries()
    } catch (cause) {
      setError(cause)
    } finally {
      setBusy(false)
    }
  }
  return (
    <div className="mx-auto max-w-lg pt-6">
      <PageHeader title="Sign in with a token" description="This portal asks every caller for an API token. The token stays in this tab and goes when it is closed." />
      <Card>
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault()
            void enter()
          }}
        >
          <Field label="API token" name="token" hint={<>An administrator makes one with <code className="font-mono">POST /api/v1/tokens</code>, or on the machine that runs the portal with <code className="font-mono">etlportal token create --name me --role editor</code>. A sign-in of your company’s is for API calls; these pages take tokens alone.</>}>
            {(props) => <Input {...props} type="password" autoComplete="off" spellCheck={false} value={value} onChange={(event) => setValue(event.target.value)} placeholder="etlp_…" className="font-mono" />}
          </Field>
          {error !== null && <ErrorPanel error={error} />}
          <Button type="submit" variant="primary" busy={busy} disabled={value.trim() === ''}>
            <KeyRound aria-hidden />
            Sign in
          </Button>
          {currentToken() && <p className="text-xs text-muted">The token used until now is no longer accepted: it ended or was deleted.</p>}
        </form>
      </Card>
    </div>
  )
}
