import { CircleCheck, Lightbulb } from 'lucide-react'
import type { Run } from '@/shared/api/model'
import { ButtonLink, Card, RowLink, Time } from '@/shared/components'
import { searchOf } from '@/shared/lib/search-state'

/** The runs that failed, each with its reason and what to do. */
export function Attention({ runs, since, className }: { runs: Run[]; since: string; className?: string }) {
  return (
    <Card
      title="Needs attention"
      flush
      className={className}
      actions={
        runs.length > 0 && (
          <ButtonLink to={`/runs${searchOf({ status: 'FAILED', since })}`} variant="ghost" size="sm">
            All failed runs
          </ButtonLink>
        )
      }
    >
      {runs.length === 0 ? (
        <p className="flex items-center gap-2.5 px-4 py-5 text-sm text-muted">
          <CircleCheck aria-hidden className="size-4.5 shrink-0 text-ok-text" />
          No run failed. Nothing needs you.
        </p>
      ) : (
        <ul className="max-h-64 divide-y divide-line overflow-y-auto">
          {runs.slice(0, 5).map((run) => (
            <li key={run.id} className="px-4 py-2.5">
              <div className="flex items-baseline justify-between gap-3">
                <RowLink to={`/runs/${run.id}`}>
                  <span className="truncate">
                    {run.job_name} <span className="font-normal text-muted">· run {run.id}</span>
                  </span>
                </RowLink>
                <span className="shrink-0 text-xs text-muted">
                  <Time at={run.finished_at} />
                </span>
              </div>
              {run.error && (
                <>
                  <p className="line-clamp-2 text-xs break-words">{run.error.message}</p>
                  {run.error.fix && (
                    <p className="mt-0.5 flex gap-1.5 text-xs text-muted">
                      <Lightbulb aria-hidden className="mt-0.5 size-3 shrink-0 text-warn-text" />
                      <span className="line-clamp-2 min-w-0 break-words">{run.error.fix}</span>
                    </p>
                  )}
                </>
              )}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
