import { useQuery } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import { isLive, type Run } from '@/shared/api/model'
import { ButtonLink, Card, ErrorPanel, RowLink, SkeletonLines } from '@/shared/components'
import { formatCount, plural, toBigInt } from '@/shared/lib/format'
import { searchOf } from '@/shared/lib/search-state'
import { rejectSummaryQuery } from './queries'

/** What a run has set aside so far, by reason and column. */
export function RunRejects({ run }: { run: Run }) {
  const some = (toBigInt(run.rows_rejected) ?? 0n) > 0n
  const query = useQuery({ ...rejectSummaryQuery(run), enabled: some })
  // A run of corrected rows has a file of its own, whose lines nobody knows.
  const lineOf = (line: number) => query.data?.items.find((reject) => reject.line === line)?.source_line ?? (run.parent_run_id === null ? line : undefined)
  const all = `/runs/${run.id}/rejects`
  return (
    <Card
      title="Rejected rows"
      flush
      actions={
        some && (
          <ButtonLink to={all} variant="ghost" size="sm">
            See all {formatCount(run.rows_rejected)}
          </ButtonLink>
        )
      }
    >
      {!some ? (
        <p className="flex items-center gap-2.5 px-4 py-5 text-sm text-muted">
          <CircleCheck aria-hidden className="size-4.5 shrink-0 text-ok-text" />
          {isLive(run) ? 'None so far.' : 'None.'}
        </p>
      ) : query.error ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} className="m-4" />
      ) : !query.data ? (
        <SkeletonLines lines={3} />
      ) : (
        <ul className="max-h-72 divide-y divide-line overflow-y-auto">
          {query.data.groups.map((group) => ({ ...group, line: lineOf(group.first_line) })).map((group) => (
            <li key={`${group.code} ${group.column ?? ''}`} className="px-4 py-2.5">
              <div className="flex items-baseline justify-between gap-3">
                <RowLink to={`${all}${searchOf({ reason: group.code, col: group.column })}`}>
                  <span className="truncate">
                    {group.column ?? 'Whole row'} <span className="font-normal text-muted">· {group.code}</span>
                  </span>
                </RowLink>
                <span className="shrink-0 text-xs text-muted">
                  {plural(group.count, 'row')}
                  {group.line !== undefined && `, from line ${formatCount(group.line)}`}
                </span>
              </div>
              <p className="line-clamp-2 text-xs break-words text-muted">{group.reason}</p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
