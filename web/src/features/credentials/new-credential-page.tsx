import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { call, client } from '@/shared/api/client'
import { Card, PageHeader } from '@/shared/components'
import { CredentialForm } from './credential-form'

export function NewCredentialPage() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  return (
    <>
      <PageHeader title="New destination" crumbs={[{ label: 'Destinations', to: '/credentials' }]} description="A database to load into. After it is saved, the connection is tested step by step." />
      <Card className="max-w-2xl">
        <CredentialForm
          action="Save and test"
          onSave={async (input) => {
            const made = await call(client.POST('/api/v1/credentials', { body: input }))
            await queries.invalidateQueries({ queryKey: ['credentials'] })
            await navigate(`/credentials/${made.id}?test=1`)
          }}
        />
      </Card>
    </>
  )
}
