import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { useDebounced } from '@/shared/lib/use-debounced'
import { mappingsOf, type DraftColumn } from './draft'
import { trialQuery, type Trial, type TrialInput } from './queries'
import type { Wizard } from './wizard'

/** What the mapping makes of real rows, a moment after it was last changed. */
export function useTrial({ file, draft, columns, table }: Wizard, offset: number, limit: number): UseQueryResult<Trial> {
  const input: TrialInput = {
    file_id: file.file_id,
    column_mappings: named(columns),
    ...(draft.filter.trim() ? { filter: draft.filter } : {}),
    ...(table ? { target_columns: table.columns.map(({ name, type, required }) => ({ name, type, required })) } : {}),
    offset,
    limit,
  }
  const settled = useDebounced(input, 250)
  return useQuery({ ...trialQuery(settled), enabled: settled.column_mappings !== undefined && settled.column_mappings.length > 0 })
}

/** A column that has no name yet is tried under one of its own. */
function named(columns: DraftColumn[]) {
  return mappingsOf(columns).map((each, i) => (each.destination ? each : { ...each, destination: `unnamed_${i + 1}` }))
}
