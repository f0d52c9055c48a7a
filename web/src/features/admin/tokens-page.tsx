import { zodResolver } from '@hookform/resolvers/zod'
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { addDays } from 'date-fns/addDays'
import { CirclePlus, KeyRound, ShieldAlert, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useForm } from 'react-hook-form'
import * as z from 'zod'
import { call, client } from '@/shared/api/client'
import type { NewToken, Token } from '@/shared/api/model'
import { itemsOf } from '@/shared/api/queries'
import { Badge, Button, Card, CodeBlock, ConfirmDialog, DataTable, Dialog, EmptyState, ErrorPanel, ErrorSummary, Field, Input, LoadMore, PageHeader, QueryView, Select, Time, type DataColumn, type Tone } from '@/shared/components'
import { useNow } from '@/shared/lib/use-now'

const tokensQuery = infiniteQueryOptions({
  queryKey: ['tokens'],
  queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/tokens', { signal, params: { query: { limit: 100, cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor,
})

const roles = [
  { value: 'viewer', label: 'Viewer: sees everything, changes nothing', tone: 'neutral' },
  { value: 'editor', label: 'Editor: uploads, makes jobs, runs them', tone: 'info' },
  { value: 'admin', label: 'Admin: tokens as well', tone: 'warn' },
] as const satisfies { value: Token['role']; label: string; tone: Tone }[]

const lifetimes = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: 'never', label: 'Without end' },
] as const

export function TokensPage() {
  const query = useInfiniteQuery(tokensQuery)
  const queries = useQueryClient()
  const [making, setMaking] = useState(false)
  const [made, setMade] = useState<NewToken | null>(null)
  const [ending, setEnding] = useState<Token | null>(null)
  const columns: DataColumn<Token>[] = [
    { id: 'name', header: 'Name', sort: (token) => token.name.toLowerCase(), cell: (token) => <span className="font-medium break-words">{token.name}</span> },
    { id: 'role', header: 'Role', sort: (token) => token.role, cell: (token) => <Badge tone={roles.find((role) => role.value === token.role)?.tone}>{token.role}</Badge> },
    { id: 'used', header: 'Last used', from: 'sm', sort: (token) => token.last_used_at, cell: (token) => (token.last_used_at ? <Time at={token.last_used_at} /> : <span className="text-muted">never</span>) },
    { id: 'expires', header: 'Ends', from: 'md', sort: (token) => token.expires_at, cell: (token) => <Ends token={token} /> },
    { id: 'by', header: 'Made by', from: 'lg', cell: (token) => token.created_by },
    { id: 'made', header: 'Made', from: 'lg', sort: (token) => token.created_at, cell: (token) => <Time at={token.created_at} /> },
    {
      id: 'end',
      header: 'Actions',
      align: 'right',
      cell: (token) => (
        <Button variant="ghost" size="icon-sm" aria-label={`Delete ${token.name}`} onClick={() => setEnding(token)}>
          <Trash2 aria-hidden />
        </Button>
      ),
    },
  ]
  const make = (
    <Button variant="primary" onClick={() => setMaking(true)}>
      <CirclePlus aria-hidden />
      New token
    </Button>
  )
  return (
    <>
      <PageHeader title="API tokens" description="For programs, and for people where the portal asks for a token. A token is shown once; only its hash is kept." actions={make} />
      {made && <MadeToken token={made} onDone={() => setMade(null)} />}
      <Card flush>
        <QueryView query={query}>
          {(data) => (
            <DataTable
              caption="API tokens"
              columns={columns}
              rows={itemsOf(data)}
              rowKey={(token) => token.id}
              empty={
                <EmptyState icon={KeyRound} title="No token yet" action={make}>
                  A program that calls the portal from another machine sends a token as <code className="font-mono text-xs">Authorization: Bearer etlp_…</code>
                </EmptyState>
              }
              footer={query.hasNextPage && <LoadMore query={query} what="tokens" />}
            />
          )}
        </QueryView>
      </Card>
      <Dialog open={making} onOpenChange={setMaking} title="New token" description="Give each program its own, so that one can be ended without the others.">
        <TokenForm
          onMade={(token) => {
            setMade(token)
            setMaking(false)
            void queries.invalidateQueries({ queryKey: ['tokens'] })
          }}
        />
      </Dialog>
      <ConfirmDialog
        open={ending !== null}
        onOpenChange={(open) => {
          if (!open) setEnding(null)
        }}
        title={`Delete the token “${ending?.name ?? ''}”?`}
        action="Delete token"
        onConfirm={async () => {
          if (!ending) return
          await call(client.DELETE('/api/v1/tokens/{id}', { params: { path: { id: ending.id } } }))
          if (made?.id === ending.id) setMade(null)
          await queries.invalidateQueries({ queryKey: ['tokens'] })
        }}
      >
        Programs that use it are refused from now on. This cannot be undone.
      </ConfirmDialog>
    </>
  )
}

function Ends({ token }: { token: Token }) {
  const now = useNow(Boolean(token.expires_at))
  if (!token.expires_at) return <span className="text-muted">never</span>
  const over = Date.parse(token.expires_at) < now
  return over ? (
    <Badge tone="bad" icon={ShieldAlert}>
      ended <Time at={token.expires_at} />
    </Badge>
  ) : (
    <Time at={token.expires_at} />
  )
}

/** The secret, this once. */
function MadeToken({ token, onDone }: { token: NewToken; onDone: () => void }) {
  return (
    <section aria-label="The new token" className="mb-5 rounded-lg border border-ok/40 bg-ok-soft p-4">
      <h2 className="text-sm font-semibold">
        Copy the token “{token.name}” now <span className="font-normal">· it is not shown again</span>
      </h2>
      <CodeBlock label="Token" code={token.token} className="mt-3" wrap />
      <p className="mt-3 mb-1 text-sm">Try it:</p>
      <CodeBlock label="Command that uses the token" code={`curl -H 'Authorization: Bearer ${token.token}' ${window.location.origin}/api/v1/me`} wrap />
      <Button className="mt-3" onClick={onDone}>
        I have it
      </Button>
    </section>
  )
}

const fields = z.object({
  name: z.string().trim().min(1, 'Say what it is for').max(200, 'The name has at most 200 characters'),
  role: z.enum(['viewer', 'editor', 'admin']),
  lifetime: z.enum(['30', '90', '365', 'never']),
})
type Fields = z.infer<typeof fields>

function TokenForm({ onMade }: { onMade: (token: NewToken) => void }) {
  const form = useForm<Fields>({ resolver: zodResolver(fields), defaultValues: { name: '', role: 'editor', lifetime: '90' }, shouldFocusError: false })
  const make = useMutation({
    mutationFn: ({ name, role, lifetime }: Fields) =>
      call(client.POST('/api/v1/tokens', { body: { name, role, ...(lifetime !== 'never' && { expires_at: addDays(new Date(), Number(lifetime)).toISOString() }) } })),
    onSuccess: onMade,
  })
  const { errors, submitCount } = form.formState
  return (
    <form noValidate className="space-y-4" onSubmit={(event) => void form.handleSubmit((values) => make.mutate(values))(event)}>
      <ErrorSummary attempt={submitCount} errors={errors.name?.message ? [{ name: 'name', message: errors.name.message }] : []} />
      {make.error && <ErrorPanel error={make.error} />}
      <Field label="Name" name="name" required hint="What or who uses it." error={errors.name?.message}>
        {(props) => <Input {...props} {...form.register('name')} autoComplete="off" placeholder="nightly import" />}
      </Field>
      <Field label="Role" name="role">
        {(props) => (
          <Select {...props} {...form.register('role')}>
            {roles.map((role) => (
              <option key={role.value} value={role.value}>
                {role.label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Valid for" name="lifetime">
        {(props) => (
          <Select {...props} {...form.register('lifetime')}>
            {lifetimes.map((each) => (
              <option key={each.value} value={each.value}>
                {each.label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Button type="submit" variant="primary" busy={make.isPending}>
        Make token
      </Button>
    </form>
  )
}
