import { useInfiniteQuery } from '@tanstack/react-query'
import { Database, Info, Plus } from 'lucide-react'
import { credentialsQuery, itemsOf } from '@/shared/api/queries'
import { Badge, ButtonLink, Card, EmptyState, LoadMore, OptionCard, QueryView } from '@/shared/components'
import { kindOf, placeOf } from '@/shared/lib/warehouse'
import type { Wizard } from './wizard'

/** The database. */
export function DestinationStep({ wizard, errorOf }: { wizard: Wizard; errorOf: (name: string) => string | undefined }) {
  const query = useInfiniteQuery(credentialsQuery())
  const { draft, update } = wizard
  const error = errorOf('credential')
  return (
    <QueryView query={query}>
      {() => {
        const all = itemsOf(query.data)
        if (all.length === 0) {
          return (
            <Card flush>
              <EmptyState
                level={3}
                icon={Database}
                title="No database is known yet"
                action={
                  <ButtonLink to="/credentials/new" variant="primary">
                    New destination
                  </ButtonLink>
                }
              >
                Name one with its user and password; what you have chosen here is kept until you are back.
              </EmptyState>
            </Card>
          )
        }
        return (
          <>
            <fieldset aria-describedby={error ? 'field-credential-error' : undefined}>
              <legend className="sr-only">Destination</legend>
              <div className="grid grid-cols-1 gap-3 sm:grid-cols-2 xl:grid-cols-3">
                {all.map((each, i) => (
                  <OptionCard
                    key={each.id}
                    group="credential"
                    id={i === 0 ? 'field-credential' : undefined}
                    checked={draft.credential === each.id}
                    onChoose={() => update({ credential: each.id, ...(draft.credential === each.id ? {} : { schema: '', tableOptions: {}, ...(draft.target === 'existing' ? { table: '' } : {}) }) })}
                    title={each.name}
                    badge={<Badge>{kindOf(each)}</Badge>}
                  >
                    <span className="font-mono text-2xs">
                      {each.username && `${each.username}@`}
                      {placeOf(each)}
                    </span>
                  </OptionCard>
                ))}
              </div>
              {error && (
                <p id="field-credential-error" className="mt-2 text-xs font-medium text-bad-text">
                  {error}
                </p>
              )}
            </fieldset>
            {all.find((each) => each.id === draft.credential)?.type === 'redshift' && (
              <p className="mt-3 flex max-w-[75ch] gap-2 text-xs text-muted">
                <Info aria-hidden className="mt-px size-3.5 shrink-0 text-info-text" />
                <span>
                  Rows go as files through an S3 bucket, from which Redshift copies them in one transaction. It enforces neither primary keys nor unique columns: only a job that adds or updates by a key keeps rows with the same key apart.
                </span>
              </p>
            )}
            <div className="mt-3 flex flex-wrap gap-2">
              <LoadMore query={query} what="destinations" />
              <ButtonLink to="/credentials/new" variant="ghost" size="sm">
                <Plus aria-hidden />
                Another destination
              </ButtonLink>
            </div>
          </>
        )
      }}
    </QueryView>
  )
}
