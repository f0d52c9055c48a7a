import { useQuery } from '@tanstack/react-query'
import { ArrowRight } from 'lucide-react'
import type { ColumnMapping, Job, Run } from '@/shared/api/model'
import { credentialQuery, sourceQuery } from '@/shared/api/queries'
import { Card, Count, DataTable, Facts, RowLink, StatusBadge, TextLink, Time, type DataColumn } from '@/shared/components'
import { formatCount, formatShare, plural, tableName } from '@/shared/lib/format'
import { optionsInWords } from '@/shared/lib/table-options'
import { stepsInWords } from './words'

const columns: DataColumn<ColumnMapping>[] = [
  {
    id: 'source',
    header: 'From',
    cell: (each) => <span className="font-mono text-xs">{each.source ?? <span className="text-muted">{each.expression}</span>}</span>,
  },
  {
    id: 'destination',
    header: 'Into',
    cell: (each) => (
      <span className="flex items-center gap-2 font-mono text-xs font-medium">
        <ArrowRight aria-hidden className="size-3.5 text-faint" />
        {each.destination}
      </span>
    ),
  },
  { id: 'type', header: 'Type', from: 'sm', cell: (each) => <span className="font-mono text-xs text-muted">{[each.type, each.format].filter(Boolean).join(' · ')}</span> },
  {
    id: 'how',
    header: 'How',
    from: 'md',
    cell: (each) => (
      <span className="font-mono text-xs text-muted">
        {[stepsInWords(each.transformations), each.source ? each.expression : '', each.default && `else ${each.default}`, each.required && 'never NULL', each.null_values && `NULL: ${each.null_values.map((word) => word || 'empty').join(', ') || 'nothing'}`].filter(Boolean).join(' · ')}
      </span>
    ),
  },
]

const strategies = { INSERT: 'Adds rows', UPSERT: 'Adds or updates', TRUNCATE_INSERT: 'Replaces all rows' }

/** What the job does, and how it went last. */
export function Overview({ job, last }: { job: Job; last?: Run }) {
  const file = useQuery(sourceQuery(job.file_id))
  const credential = useQuery(credentialQuery(job.credential_id))
  const { on_bad_row: bad } = job
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
      <Card title="Mapping" description={plural(job.column_mappings.length, 'column')} flush className="max-lg:order-2">
        <DataTable caption="Mapping" columns={columns} rows={job.column_mappings} rowKey={(each) => each.destination} />
      </Card>
      <div className="grid gap-5">
        <Card title="What it does">
          <Facts
            items={[
              { name: 'File', value: <TextLink to={`/files/${job.file_id}`}>{file.data?.filename ?? 'its file'}</TextLink> },
              {
                name: 'Destination',
                value: (
                  <>
                    <TextLink to={`/credentials/${job.credential_id}`}>{credential.data?.name ?? 'its database'}</TextLink>
                    {credential.data?.type === 'redshift' && <span className="text-xs text-muted"> · Amazon Redshift</span>}
                  </>
                ),
              },
              { name: 'Table', value: <span className="font-mono text-xs">{tableName(job)}</span> },
              ...(job.create_table ? optionsInWords(job.table_options).map(({ name, value }) => ({ name, value: <span className="font-mono text-xs">{value}</span> })) : []),
              { name: 'Rows', value: `${strategies[job.load_strategy]}${job.upsert_keys.length > 0 ? ` by ${job.upsert_keys.join(', ')}` : ''}` },
              { name: 'Bad rows', value: bad.mode === 'skip' ? `set aside${bad.max_rows ? `, at most ${formatCount(bad.max_rows)}` : ''}${bad.max_ratio ? `, at most ${formatShare(bad.max_ratio)}` : ''}` : 'fail the run' },
              ...(job.filter ? [{ name: 'Filter', value: <code className="font-mono text-xs">{job.filter}</code> }] : []),
              { name: 'Version', value: job.version },
              { name: 'Changed', value: <Time at={job.updated_at} absolute /> },
            ]}
          />
        </Card>
        {last && (
          <Card title="Last run">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
              <RowLink to={`/runs/${last.id}`}>Run #{last.id}</RowLink>
              <StatusBadge status={last.status} />
              <span className="text-xs text-muted">
                <Time at={last.created_at} />
              </span>
            </div>
            <p className="mt-2 text-sm">
              <Count value={last.rows_loaded} /> loaded, <Count value={last.rows_rejected} /> rejected, <Count value={last.rows_filtered} /> filtered
            </p>
            {last.error && <p className="mt-2 text-sm break-words text-bad-text">{last.error.message}</p>}
          </Card>
        )}
      </div>
    </div>
  )
}
