import { useQueryClient } from '@tanstack/react-query'
import { useWatch } from 'react-hook-form'
import { useNavigate } from 'react-router'
import { call, client } from '@/shared/api/client'
import { Card, PageHeader } from '@/shared/components'
import { CredentialForm } from './credential-form'
import { useCredentialForm } from './form'
import { RedshiftNeeds } from './redshift-needs'

export function NewCredentialPage() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const form = useCredentialForm()
  const type = useWatch({ control: form.control, name: 'type' })
  return (
    <>
      <PageHeader title="New destination" crumbs={[{ label: 'Destinations', to: '/credentials' }]} description="A database to load into. After it is saved, the connection is tested step by step." />
      <div className="grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,42rem)_minmax(0,36rem)]">
        <Card className="max-w-2xl">
          <CredentialForm
            form={form}
            action="Save and test"
            onSave={async (input) => {
              const made = await call(client.POST('/api/v1/credentials', { body: input }))
              await queries.invalidateQueries({ queryKey: ['credentials'] })
              await navigate(`/credentials/${made.id}?test=1`)
            }}
          />
        </Card>
        {type === 'redshift' && <RedshiftNeeds form={form} />}
      </div>
    </>
  )
}
