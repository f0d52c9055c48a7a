import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Download, Upload } from 'lucide-react'
import { useId, useState } from 'react'
import { toast } from 'sonner'
import { fetchRaw } from '@/shared/api/client'
import type { Job } from '@/shared/api/model'
import { Button, Card, CodeBlock, ErrorPanel, QueryView, Textarea } from '@/shared/components'

/** The mapping as the command line's file: to look at, to keep, to put in place of the job's. */
export function MappingFile({ job }: { job: Job }) {
  const id = useId()
  const queries = useQueryClient()
  const path = `/api/v1/jobs/${job.id}/mapping`
  const query = useQuery({ queryKey: ['jobs', 'mapping', job.id, job.version], queryFn: async ({ signal }) => await (await fetchRaw(path, { signal })).text() })
  const [text, setText] = useState('')
  const replace = useMutation({
    mutationFn: () => fetchRaw(path, { method: 'PUT', body: text, headers: { 'Content-Type': 'application/yaml', 'If-Match': `"${job.version}"` } }),
    onSuccess: async () => {
      toast.success('The mapping was replaced')
      setText('')
      await queries.invalidateQueries({ queryKey: ['jobs'] })
    },
  })
  const download = () => {
    const url = URL.createObjectURL(new Blob([query.data ?? ''], { type: 'application/yaml' }))
    const link = document.createElement('a')
    link.href = url
    link.download = `${job.name.replace(/[^\p{L}\p{N}._-]+/gu, '-')}.yaml`
    link.click()
    URL.revokeObjectURL(url)
  }
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-2">
      <Card
        title="Mapping file"
        description="For etlportal load --mapping, or to keep with your code"
        actions={
          <Button variant="ghost" size="sm" disabled={!query.data} onClick={download}>
            <Download aria-hidden />
            Download
          </Button>
        }
      >
        <QueryView query={query}>{(yaml) => <CodeBlock label="Mapping file" code={yaml} />}</QueryView>
      </Card>
      <Card title="Put another in its place" description="It is checked against the file and the table before anything changes">
        <label htmlFor={`${id}-file`} className="mb-2 inline-flex h-8 cursor-pointer items-center gap-1.5 rounded-md border border-line px-3 text-sm font-medium shadow-card hover:bg-hover has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent">
          <Upload aria-hidden className="size-4" />
          Choose a file
          <input
            id={`${id}-file`}
            type="file"
            accept=".yaml,.yml,.json"
            className="sr-only"
            onChange={(event) => {
              const file = event.target.files?.[0]
              if (file) void file.text().then(setText)
              event.target.value = ''
            }}
          />
        </label>
        <label htmlFor={`${id}-text`} className="mb-1 block text-sm font-medium">
          Or paste it
        </label>
        <Textarea id={`${id}-text`} value={text} spellCheck={false} className="min-h-48 font-mono text-xs" placeholder={'columns:\n  - {source: order_id, destination: id, type: bigint}'} onChange={(event) => setText(event.target.value)} />
        {replace.error && <ErrorPanel error={replace.error} className="mt-3" />}
        <Button variant="primary" className="mt-3" disabled={text.trim() === ''} busy={replace.isPending} onClick={() => replace.mutate()}>
          Replace the mapping
        </Button>
      </Card>
    </div>
  )
}
