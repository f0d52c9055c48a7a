import { useInfiniteQuery } from '@tanstack/react-query'
import { ArrowRightToLine, Ellipsis, FileSpreadsheet, SearchX, Table2, Trash2, Upload } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useNavigate } from 'react-router'
import * as z from 'zod'
import type { Source } from '@/shared/api/model'
import { itemsOf } from '@/shared/api/queries'
import { Button, ButtonLink, Bytes, Card, Count, EmptyState, Input, Menu, PageHeader, RowLink, SampleButton, Select, StatusBadge, Time, type DataColumn } from '@/shared/components'
import { ListTable } from '@/shared/components/list-table'
import { plural } from '@/shared/lib/format'
import { useSearchState } from '@/shared/lib/search-state'
import { DeleteFile } from './delete-file'
import { allSourcesQuery } from './queries'

const states = ['', 'uploading', 'sampled', 'running', 'complete', 'failed'] as const
const view = z.object({ q: z.string().catch(''), state: z.enum(states).catch('') })
const names: Record<(typeof states)[number], string> = { '': 'Every state', uploading: 'Uploading', sampled: 'Sampled', running: 'Profiling', complete: 'Whole file', failed: 'Failed' }

export function FilesPage() {
  const [{ q, state }, setView] = useSearchState(view)
  const query = useInfiniteQuery(allSourcesQuery)
  const [deleting, setDeleting] = useState<Source | null>(null)
  const { hasNextPage, isFetching, isError, fetchNextPage } = query
  useEffect(() => {
    // A search is one of all files.
    if (hasNextPage && !isFetching && !isError) void fetchNextPage()
  }, [hasNextPage, isFetching, isError, fetchNextPage])

  const files = itemsOf(query.data)
  const wanted = q.trim().toLowerCase()
  const shown = files.filter((file) => file.filename.toLowerCase().includes(wanted) && (state === '' || file.state === state))
  const filtered = wanted !== '' || state !== ''
  return (
    <>
      <PageHeader
        title="Files"
        description="What was uploaded, and what is known of it."
        actions={
          <ButtonLink variant="primary" to="/files/new">
            <Upload aria-hidden />
            Upload files
          </ButtonLink>
        }
      />
      <Card flush>
        {(files.length > 0 || filtered) && (
          <div className="flex flex-wrap items-center gap-2 border-b border-line p-3">
            <Input type="search" aria-label="Search files by name" placeholder="Search by name" value={q} onChange={(event) => setView({ q: event.target.value })} className="flex-1 max-sm:basis-full sm:max-w-72" />
            <Select aria-label="State" value={state} onChange={(event) => setView({ state: event.target.value as (typeof states)[number] })} className="w-36">
              {states.map((each) => (
                <option key={each} value={each}>
                  {names[each]}
                </option>
              ))}
            </Select>
            <span role="status" className="ml-auto text-xs text-muted">
              {filtered ? `${plural(shown.length, 'file')} of ${files.length}` : plural(files.length, 'file')}
            </span>
          </div>
        )}
        <ListTable
          query={query}
          caption="Files"
          columns={columnsOf(setDeleting)}
          rows={shown}
          rowKey={(file) => file.file_id}
          empty={
            filtered ? (
              <EmptyState icon={SearchX} title="No file is like this" action={<Button onClick={() => setView({ q: '', state: '' })}>Show all files</Button>}>
                None of {plural(files.length, 'file')} has {wanted && `“${q.trim()}” in its name`}
                {wanted && state && ' and '}
                {state && `the state “${names[state]}”`}.
              </EmptyState>
            ) : (
              <EmptyState
                icon={FileSpreadsheet}
                title="No file yet"
                action={
                  <ButtonLink variant="primary" to="/files/new">
                    <Upload aria-hidden />
                    Upload files
                  </ButtonLink>
                }
                sample={<SampleButton />}
              >
                A file is where rows come from. Upload a CSV: its encoding, delimiter, columns and types are found out, and every row can be looked at before one is loaded.
              </EmptyState>
            )
          }
        />
      </Card>
      {deleting && <DeleteFile file={deleting} onClose={() => setDeleting(null)} />}
    </>
  )
}

function columnsOf(remove: (file: Source) => void): DataColumn<Source>[] {
  return [
    {
      id: 'filename',
      header: 'Name',
      sort: (file) => file.filename.toLowerCase(),
      cell: (file) => (
        <RowLink to={`/files/${file.file_id}`}>
          <FileSpreadsheet aria-hidden className="mr-2 size-4 shrink-0 text-faint" />
          <span className="truncate">{file.filename}</span>
        </RowLink>
      ),
      className: 'max-w-40 sm:max-w-80',
    },
    { id: 'state', header: 'Profile', sort: (file) => file.state, cell: (file) => <StatusBadge status={file.state} />, from: 'sm' },
    {
      id: 'rows',
      header: 'Rows',
      align: 'right',
      sort: (file) => file.row_count,
      cell: (file) =>
        file.state === 'uploading' ? (
          '–'
        ) : (
          <>
            {file.state !== 'complete' && <span title="As far as was looked">≥ </span>}
            <Count value={file.row_count} />
          </>
        ),
    },
    { id: 'columns', header: 'Columns', align: 'right', sort: (file) => file.column_count, cell: (file) => <Count value={file.column_count} />, from: 'lg' },
    { id: 'size', header: 'Size', align: 'right', sort: (file) => file.size, cell: (file) => <Bytes value={file.size} />, from: 'md' },
    { id: 'created', header: 'Uploaded', sort: (file) => file.created_at, cell: (file) => <Time at={file.created_at} />, from: 'md' },
    { id: 'actions', header: 'Actions', align: 'right', width: '3rem', cell: (file) => <RowMenu file={file} onDelete={() => remove(file)} /> },
  ]
}

function RowMenu({ file, onDelete }: { file: Source; onDelete: () => void }) {
  const navigate = useNavigate()
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="icon-sm" aria-label={`Actions for ${file.filename}`}>
          <Ellipsis aria-hidden />
        </Button>
      }
      items={[
        { label: 'Open', icon: Table2, onSelect: () => void navigate(`/files/${file.file_id}`) },
        { label: 'Load into a table', icon: ArrowRightToLine, onSelect: () => void navigate(`/jobs/new?file=${file.file_id}`), disabled: file.state === 'uploading' },
        null,
        { label: 'Delete', icon: Trash2, danger: true, onSelect: onDelete },
      ]}
    />
  )
}
