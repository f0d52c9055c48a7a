import { useInfiniteQuery } from '@tanstack/react-query'
import { FileSpreadsheet, Upload } from 'lucide-react'
import type { Source } from '@/shared/api/model'
import { itemsOf, sourcesQuery } from '@/shared/api/queries'
import { Bytes, ButtonLink, Card, EmptyState, LoadMore, PageHeader, QueryView, SampleButton, StatusBadge, Time } from '@/shared/components'
import { plural } from '@/shared/lib/format'

/** Which file the job is for. */
export function FileChoice({ onChoose }: { onChoose: (file: string) => void }) {
  const query = useInfiniteQuery(sourcesQuery())
  const files = itemsOf(query.data)
  return (
    <>
      <PageHeader
        title="New job"
        crumbs={[{ label: 'Jobs', to: '/jobs' }]}
        description="Which file is to be loaded? Later runs may take other files with the same columns."
        actions={
          <ButtonLink to="/files/new">
            <Upload aria-hidden />
            Upload another file
          </ButtonLink>
        }
      />
      <QueryView query={query}>
        {() =>
          files.length === 0 ? (
            <Card flush>
              <EmptyState
                icon={FileSpreadsheet}
                title="No file is here yet"
                action={
                  <ButtonLink to="/files/new" variant="primary">
                    Upload a file
                  </ButtonLink>
                }
                sample={<SampleButton />}
              >
                A job loads a CSV file into a table. Upload one first, or try it with a sample.
              </EmptyState>
            </Card>
          ) : (
            <Card title="Files" flush>
              <ul className="divide-y divide-line">
                {files.map((file) => (
                  <li key={file.file_id}>
                    <FileButton file={file} onChoose={onChoose} />
                  </li>
                ))}
              </ul>
              <LoadMore query={query} what="files" />
            </Card>
          )
        }
      </QueryView>
    </>
  )
}

function FileButton({ file, onChoose }: { file: Source; onChoose: (file: string) => void }) {
  const ready = file.state !== 'uploading' && file.state !== 'failed'
  return (
    <button
      type="button"
      disabled={!ready}
      onClick={() => onChoose(file.file_id)}
      className="flex w-full items-center gap-3 px-4 py-2.5 text-left hover:bg-hover focus-visible:-outline-offset-2 disabled:opacity-60"
    >
      <FileSpreadsheet aria-hidden className="size-4.5 shrink-0 text-muted" />
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-medium">{file.filename}</span>
        <span className="block text-xs text-muted">
          {plural(file.row_count, 'row')} · {plural(file.column_count, 'column')} · <Bytes value={file.size} />
        </span>
      </span>
      {file.state !== 'complete' && <StatusBadge status={file.state} />}
      <span className="text-xs text-muted max-sm:hidden">
        <Time at={file.created_at} />
      </span>
    </button>
  )
}
