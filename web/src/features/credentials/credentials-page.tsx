import { useInfiniteQuery } from '@tanstack/react-query'
import { Cable, CirclePlus } from 'lucide-react'
import * as z from 'zod'
import type { Credential } from '@/shared/api/model'
import { credentialsQuery, itemsOf } from '@/shared/api/queries'
import { ButtonLink, Card, DataTable, EmptyState, Input, LoadMore, PageHeader, QueryView, RowLink, Time, type DataColumn } from '@/shared/components'
import { useSearchState } from '@/shared/lib/search-state'
import { accessOf, kindOf, placeOf } from '@/shared/lib/warehouse'

const view = z.object({ q: z.string().catch('') })

const columns: DataColumn<Credential>[] = [
  { id: 'name', header: 'Name', sort: (credential) => credential.name.toLowerCase(), cell: (credential) => (
      <>
        <RowLink to={`/credentials/${credential.id}`}>{credential.name}</RowLink>
        <span className="block text-2xs text-muted sm:hidden">{kindOf(credential)}</span>
      </>
    ) },
  { id: 'kind', header: 'Kind', sort: kindOf, from: 'sm', cell: kindOf },
  {
    id: 'where',
    header: 'Database',
    sort: placeOf,
    cell: (credential) => <span className="font-mono text-xs break-all">{placeOf(credential)}</span>,
  },
  { id: 'user', header: 'User', from: 'md', cell: (credential) => <span className="font-mono text-xs">{credential.username || '–'}</span> },
  { id: 'tls', header: 'Encryption', from: 'lg', cell: (credential) => <span className="font-mono text-xs">{accessOf(credential) === 'data_api' ? 'https' : credential.ssl_mode}</span> },
  { id: 'parallel', header: 'Loaders', from: 'lg', align: 'right', sort: (credential) => credential.max_parallel, cell: (credential) => credential.max_parallel },
  { id: 'updated', header: 'Changed', from: 'md', align: 'right', sort: (credential) => credential.updated_at, cell: (credential) => <span className="text-xs text-muted"><Time at={credential.updated_at} /></span> },
]

export function CredentialsPage() {
  const query = useInfiniteQuery(credentialsQuery())
  const [{ q }, setView] = useSearchState(view)
  const all = itemsOf(query.data)
  const word = q.toLowerCase()
  const shown = all.filter((each) => [each.name, kindOf(each), placeOf(each), each.username].some((text) => text.toLowerCase().includes(word)))
  return (
    <>
      <PageHeader
        title="Destinations"
        description="Databases that jobs load into. Passwords are stored encrypted and never shown again."
        actions={
          <ButtonLink to="/credentials/new" variant="primary">
            <CirclePlus aria-hidden />
            New destination
          </ButtonLink>
        }
      />
      {all.length > 5 && (
        <Input type="search" aria-label="Search destinations" placeholder="Search name, kind, host, database, user" value={q} onChange={(event) => setView({ q: event.target.value })} className="mb-3 max-w-sm" />
      )}
      <Card flush>
        <QueryView query={query}>
          {() => (
            <DataTable
              caption="Destinations"
              columns={columns}
              rows={shown}
              rowKey={(credential) => credential.id}
              empty={
                q ? (
                  <p className="px-4 py-10 text-center text-sm text-muted">No destination has “{q}” in its name, kind, host, database or user.</p>
                ) : (
                  <EmptyState icon={Cable} title="No destination yet" action={<ButtonLink to="/credentials/new" variant="primary">New destination</ButtonLink>}>
                    A destination is a database, PostgreSQL or Amazon Redshift, with a user who may load into it. Connect one, and test it step by step.
                  </EmptyState>
                )
              }
              footer={query.hasNextPage && <LoadMore query={query} what="destinations" />}
            />
          )}
        </QueryView>
      </Card>
    </>
  )
}
