import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useWatch } from 'react-hook-form'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import * as z from 'zod'
import { call, client } from '@/shared/api/client'
import type { Credential } from '@/shared/api/model'
import { credentialQuery, itemsOf, jobsQuery } from '@/shared/api/queries'
import { Badge, Button, ById, Card, ConfirmDialog, ErrorPanel, Facts, LoadMore, PageHeader, QueryView, RowLink, StatusBadge, Time, UsedBy } from '@/shared/components'
import { plural, tableName } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { accessInWords, accessOf, kindOf, placeOf } from '@/shared/lib/warehouse'
import { ConnectionTestCard } from './connection-test'
import { CredentialForm } from './credential-form'
import { useCredentialForm } from './form'
import { RedshiftNeeds } from './redshift-needs'

const view = z.object({ test: z.stringbool().catch(false) })
const crumbs = [{ label: 'Destinations', to: '/credentials' }]

export function CredentialPage() {
  return <ById param="credentialId">{(id) => <CredentialOf id={id} />}</ById>
}

function CredentialOf({ id }: { id: number }) {
  const query = useQuery(credentialQuery(id))
  if (query.error && !query.data) {
    return (
      <>
        <PageHeader title="Destination" crumbs={crumbs} />
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      </>
    )
  }
  return <QueryView query={query}>{(credential) => <Loaded key={credential.id} credential={credential} />}</QueryView>
}

function Loaded({ credential }: { credential: Credential }) {
  const { id, version } = credential
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [{ test }] = useSearchState(view)
  const [deleting, setDeleting] = useState(false)
  const jobs = useInfiniteQuery(jobsQuery({ credential_id: id }))
  const users = itemsOf(jobs.data)
  const form = useCredentialForm(credential)
  const type = useWatch({ control: form.control, name: 'type' })
  const tag = { path: { id }, header: { 'If-Match': `"${version}"` } }
  return (
    <>
      <PageHeader
        title={credential.name}
        crumbs={crumbs}
        badge={<Badge>{kindOf(credential)}</Badge>}
        description={
          <>
            <span className="font-mono text-xs break-all">{placeOf(credential)}</span>
            {credential.type === 'redshift' && ` · ${accessInWords(credential)}`}
          </>
        }
        actions={
          <Button variant="danger" onClick={() => setDeleting(true)}>
            <Trash2 aria-hidden />
            Delete
          </Button>
        }
      />
      <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <Card title="Settings">
          <CredentialForm
            form={form}
            credential={credential}
            action="Save"
            onSave={async (input) => {
              await call(client.PUT('/api/v1/credentials/{id}', { params: tag, body: input }))
              toast.success('Saved')
              await queries.invalidateQueries({ queryKey: ['credentials'] })
            }}
          />
        </Card>
        <div className="grid grid-cols-1 gap-5 lg:row-span-2">
          <ConnectionTestCard credential={credential} start={test} />
          <Card title="Used by" description={jobs.data && plural(users.length, 'job')} flush>
            <QueryView query={jobs}>
              {() =>
                users.length === 0 ? (
                  <p className="px-4 py-5 text-sm text-muted">No job loads into it, so it can be deleted.</p>
                ) : (
                  <>
                    <ul className="divide-y divide-line">
                      {users.map((job) => (
                        <li key={job.id} className="flex items-center justify-between gap-3 px-4 py-2">
                          <div className="min-w-0">
                            <RowLink to={`/jobs/${job.id}`}>
                              <span className="truncate">{job.name}</span>
                            </RowLink>
                            <p className="truncate font-mono text-2xs text-muted">{tableName(job)}</p>
                          </div>
                          {job.recent_runs[0] && <StatusBadge status={job.recent_runs[0].status} />}
                        </li>
                      ))}
                    </ul>
                    <LoadMore query={jobs} what="jobs" />
                  </>
                )
              }
            </QueryView>
          </Card>
          <Card title="History">
            <Facts
              items={[
                { name: 'Made', value: <Time at={credential.created_at} absolute /> },
                { name: 'Changed', value: <Time at={credential.updated_at} absolute /> },
                { name: 'Version', value: version },
              ]}
            />
          </Card>
        </div>
        {type === 'redshift' && <RedshiftNeeds form={form} />}
      </div>
      <ConfirmDialog
        open={deleting}
        onOpenChange={setDeleting}
        title={`Delete “${credential.name}”?`}
        action="Delete destination"
        onConfirm={async () => {
          await call(client.DELETE('/api/v1/credentials/{id}', { params: tag }))
          toast.success(`${credential.name} was deleted`)
          await navigate('/credentials')
          queries.removeQueries({ queryKey: ['credentials', 'one', id] })
          await queries.invalidateQueries({ queryKey: ['credentials'] })
        }}
      >
        {users.length > 0 ? (
          <UsedBy lead={`${plural(users.length, 'job loads', 'jobs load')} into it, and it cannot be deleted while one does:`} users={users.map((job) => ({ to: `/jobs/${job.id}`, name: job.name }))} more={jobs.hasNextPage} />
        ) : (
          `${accessOf(credential) === 'connection' ? 'The stored password is forgotten. ' : ''}Nothing changes in the database itself.`
        )}
      </ConfirmDialog>
    </>
  )
}
