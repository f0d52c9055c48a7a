import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Minus, PencilLine, Plus } from 'lucide-react'
import * as z from 'zod'
import { call, client } from '@/shared/api/client'
import type { Job } from '@/shared/api/model'
import { itemsOf } from '@/shared/api/queries'
import type { components } from '@/shared/api/schema'
import { Badge, Card, LoadMore, QueryView, Select, Time } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { useSearchState } from '@/shared/lib/search-state'
import { fieldInWords, fieldName } from './words'

type FieldChange = components['schemas']['FieldChange']
const view = z.object({ version: z.coerce.number().int().min(0).catch(0), from: z.coerce.number().int().min(0).catch(0) })
const firstPage = undefined as string | undefined

/** Every version, and how one differs from another: of the mapping by columns, not by lines of JSON. */
export function Versions({ job }: { job: Job }) {
  const [{ version, from }, setState] = useSearchState(view)
  const versions = useInfiniteQuery({
    queryKey: ['jobs', 'versions', job.id],
    queryFn: ({ signal, pageParam }) => call(client.GET('/api/v1/jobs/{id}/versions', { signal, params: { path: { id: job.id }, query: { cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (last) => last.next_cursor,
  })
  const shown = version || job.version
  const before = from || Math.max(0, shown - 1)
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[16rem_minmax(0,1fr)]">
      <Card title="Versions" flush>
        <QueryView query={versions}>
          {() => (
            <>
              <ul className="divide-y divide-line">
                {itemsOf(versions.data).map((each) => (
                  <li key={each.version}>
                    <button
                      type="button"
                      aria-pressed={each.version === shown}
                      onClick={() => setState({ version: each.version, from: 0 })}
                      className="flex w-full items-center justify-between gap-2 px-4 py-2 text-left text-sm hover:bg-hover focus-visible:-outline-offset-2 aria-pressed:bg-accent-soft"
                    >
                      <span className="font-medium">Version {each.version}</span>
                      <span className="text-xs text-muted">
                        <Time at={each.updated_at} />
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
              <LoadMore query={versions} what="versions" />
            </>
          )}
        </QueryView>
      </Card>
      <Card
        title={before === 0 ? `Version ${shown}, as it was made` : `What version ${shown} changed`}
        actions={
          shown > 1 && (
            <label className="flex items-center gap-2 pr-2 text-xs text-muted">
              against
              <Select className="h-7 w-32 text-xs" value={before} onChange={(event) => setState({ from: Number(event.target.value) })}>
                {Array.from({ length: shown - 1 }, (_, i) => shown - 1 - i).map((each) => (
                  <option key={each} value={each}>
                    version {each}
                  </option>
                ))}
              </Select>
            </label>
          )
        }
      >
        <Difference job={job.id} version={shown} from={before} />
      </Card>
    </div>
  )
}

const looks = { added: { tone: 'ok', icon: Plus }, removed: { tone: 'bad', icon: Minus }, changed: { tone: 'info', icon: PencilLine } } as const

function Difference({ job, version, from }: { job: number; version: number; from: number }) {
  const query = useQuery({
    queryKey: ['jobs', 'changes', job, version, from],
    queryFn: ({ signal }) => call(client.GET('/api/v1/jobs/{id}/versions/{version}/changes', { signal, params: { path: { id: job, version }, query: from > 0 ? { from } : {} } })),
  })
  return (
    <QueryView query={query}>
      {({ fields, columns }) =>
        fields.length === 0 && columns.length === 0 ? (
          <p className="text-sm text-muted">Nothing differs.</p>
        ) : (
          <div className="space-y-4">
            {fields.length > 0 && <Fields fields={fields} />}
            {columns.length > 0 && (
              <ul className="divide-y divide-line rounded-md border border-line">
                {columns.map((each) => (
                  <li key={each.destination} className="px-3 py-2">
                    <p className="flex flex-wrap items-center gap-2">
                      <Badge tone={looks[each.change].tone} icon={looks[each.change].icon}>
                        {each.change}
                      </Badge>
                      <span className="font-mono text-xs font-medium">{each.destination}</span>
                    </p>
                    {each.fields.length > 0 && <Fields fields={each.fields} className="mt-1.5" />}
                  </li>
                ))}
              </ul>
            )}
          </div>
        )
      }
    </QueryView>
  )
}

function Fields({ fields, className }: { fields: FieldChange[]; className?: string }) {
  return (
    <dl className={cn('grid gap-x-4 gap-y-1 text-xs sm:grid-cols-[8rem_1fr]', className)}>
      {fields.map(({ field, before, after }) => (
        <div key={field} className="contents">
          <dt className="text-muted">{fieldName(field)}</dt>
          <dd className="min-w-0 font-mono break-words">
            {fieldInWords(field, before) !== '–' && (
              <>
                <del className="rounded-xs bg-bad-soft px-1 text-bad-text">{fieldInWords(field, before)}</del> <span className="sr-only">became </span>
              </>
            )}
            <ins className="rounded-xs bg-ok-soft px-1 text-ok-text no-underline">{fieldInWords(field, after)}</ins>
          </dd>
        </div>
      ))}
    </dl>
  )
}
