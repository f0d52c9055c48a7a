import type { RejectGroup } from '@/shared/api/model'
import { Card, Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount, plural } from '@/shared/lib/format'

/** The rejected rows by reason and column; one is chosen, or all. */
export function RejectGroups({ groups, kept, reason, column, onChoose }: {
  groups: RejectGroup[]
  /** How many rows the groups have together. */
  kept: number
  reason: string
  column: string
  onChoose: (reason: string, column: string) => void
}) {
  const all = !reason && !column
  return (
    <Card title="Reasons" description={plural(groups.length, 'group')} flush>
      <ul className="max-h-[min(70vh,44rem)] overflow-y-auto p-1.5">
        <li>
          <Choice chosen={all} onChoose={() => onChoose('', '')} count={kept} name="All rejected rows" />
        </li>
        {groups.map((group) => (
          <li key={`${group.code} ${group.column ?? ''}`}>
            <Choice
              chosen={(!reason || group.code === reason) && (!column || group.column === column) && !all}
              onChoose={() => onChoose(group.code, group.column ?? '')}
              count={group.count}
              name={group.column ?? 'Whole row'}
              code={group.code}
              note={`${group.reason}, first at line ${formatCount(group.first_line)}`}
            />
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Choice({ chosen, onChoose, name, code, count, note }: { chosen: boolean; onChoose: () => void; name: string; code?: string; count: number; note?: string }) {
  return (
    <button type="button" aria-pressed={chosen} onClick={onChoose} className={cn('block w-full rounded-md px-2.5 py-2 text-left hover:bg-hover focus-visible:-outline-offset-2', chosen && 'bg-accent-soft hover:bg-accent-soft')}>
      <span className="flex items-baseline justify-between gap-2 text-sm">
        <span className={cn('min-w-0 truncate font-medium', chosen && 'text-accent-text')}>{name}</span>
        <span className="shrink-0 text-xs font-semibold">{formatCount(count)}</span>
      </span>
      {code && <span className="block font-mono text-2xs text-muted">{code}</span>}
      {note && (
        <span className="block text-xs break-words text-muted">
          <Visible text={note} />
        </span>
      )}
    </button>
  )
}
