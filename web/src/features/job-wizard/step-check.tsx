import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleCheck, CircleX, Info, Play, RotateCw, TriangleAlert } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useNavigate } from 'react-router'
import { toast } from 'sonner'
import { call, client } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { Button, Card, CodeBlock, Count, ErrorPanel, Facts, Field, Input, ProgressBar, TextLink, Visible } from '@/shared/components'
import { cn } from '@/shared/lib/cn'
import { formatCount, plural } from '@/shared/lib/format'
import { optionsInWords } from '@/shared/lib/table-options'
import { useDebounced } from '@/shared/lib/use-debounced'
import { Cell } from './column-editor'
import { chosen } from './layout'
import { dryRunQuery, type DryRun } from './queries'
import { WideTable } from './wide-table'
import type { Wizard } from './wizard'

/** How many bad rows show at first. */
const few = 8
const words = { INSERT: 'adds rows', UPSERT: 'adds or updates by', TRUNCATE_INSERT: 'replaces all rows' }

/** The dry run, the name, and the end of the wizard. */
export function CheckStep({ wizard, errorOf, complete, forget }: { wizard: Wizard; errorOf: (name: string) => string | undefined; complete: () => boolean; forget: () => void }) {
  const { draft, update, job, input } = wizard
  const navigate = useNavigate()
  const queries = useQueryClient()
  // A name changes nothing of what is tried.
  const tried = useDebounced({ ...input, name: job?.name ?? 'dry run' }, 50)
  const trial = useQuery(dryRunQuery(tried))
  const save = useMutation({
    mutationFn: async (run: boolean) => {
      const saved = job
        ? await call(client.PUT('/api/v1/jobs/{id}', { params: { path: { id: job.id }, header: { 'If-Match': `"${draft.version ?? job.version}"` } }, body: input }))
        : await call(client.POST('/api/v1/jobs', { body: input }))
      forget()
      await queries.invalidateQueries({ queryKey: ['jobs'] })
      if (!run) return { at: `/jobs/${saved.id}` }
      try {
        const started = await call(client.POST('/api/v1/jobs/execute/{id}', { params: { path: { id: saved.id }, header: { 'Idempotency-Key': crypto.randomUUID() } } }))
        await queries.invalidateQueries({ queryKey: ['runs'] })
        return { at: `/runs/${started.job_run_id}` }
      } catch (error) {
        // The job is there; its page has a button to run it.
        toast.error(`${saved.name} is saved, but was not started: ${error instanceof Error ? error.message : ''}`)
        return { at: `/jobs/${saved.id}` }
      }
    },
    onSuccess: ({ at }) => navigate(at),
  })
  const finish = (run: boolean) => {
    if (complete()) save.mutate(run)
  }
  const taken = save.error instanceof Problem && save.error.code === 'duplicate_name'
  return (
    <div className="space-y-5">
      <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <Card
          title="Dry run"
          actions={
            <Button size="sm" busy={trial.isFetching} onClick={() => void trial.refetch()}>
              {!trial.isFetching && <RotateCw aria-hidden />}
              Try again
            </Button>
          }
        >
          {trial.isFetching && !trial.data && (
            <>
              <p className="mb-2 text-sm">Reading, converting, comparing with the table…</p>
              <ProgressBar value={null} label="Dry run" />
            </>
          )}
          {trial.error && <ErrorPanel error={trial.error} />}
          {trial.data && <Outcome trial={trial.data} strategy={draft.strategy} />}
        </Card>
        <Card title={job ? 'Save' : 'Create'}>
          <form
            noValidate
            onSubmit={(event) => {
              event.preventDefault()
              finish(true)
            }}
          >
            <Field label="Name of the job" name="name" required error={errorOf('name') ?? (taken ? 'Another job has this name' : undefined)}>
              {(props) => <Input {...props} value={draft.name} maxLength={200} autoComplete="off" placeholder="Daily orders" onChange={(event) => update({ name: event.target.value })} />}
            </Field>
            <Facts
              className="my-4 text-xs"
              items={[
                { name: 'Into', value: <span className="font-mono">{draft.schema ? `${draft.schema}.` : ''}{draft.table}{draft.target === 'new' ? ' (new)' : ''}</span> },
                { name: 'Columns', value: wizard.columns.length },
                ...(draft.target === 'new' ? optionsInWords(chosen(draft.tableOptions)).map(({ name, value }) => ({ name, value: <span className="font-mono">{value}</span> })) : []),
                { name: 'Rows', value: <>{words[draft.strategy]} {draft.strategy === 'UPSERT' && <span className="font-mono">{draft.keys.join(', ')}</span>}</> },
                { name: 'Bad rows', value: draft.onBadRow === 'fail' ? 'fail the run' : `set aside${draft.maxRows ? `, at most ${formatCount(draft.maxRows)}` : ''}${draft.maxPercent ? `, at most ${draft.maxPercent} %` : ''}` },
                ...(draft.filter.trim() ? [{ name: 'Filter', value: <code className="font-mono">{draft.filter}</code> }] : []),
              ]}
            />
            {save.error && <ErrorPanel error={save.error} className="mb-4" actions={save.error instanceof Problem && save.error.code === 'version_conflict' && job ? <TextLink to={`/jobs/${job.id}`}>See what was changed</TextLink> : undefined} />}
            <div className="flex flex-wrap gap-2">
              <Button type="submit" variant="primary" busy={save.isPending}>
                {!save.isPending && <Play aria-hidden />}
                {job ? 'Save and run' : 'Create and run'}
              </Button>
              <Button disabled={save.isPending} onClick={() => finish(false)}>
                {job ? 'Save' : 'Create without running'}
              </Button>
            </div>
            {trial.data?.error && <p className="mt-3 text-xs text-warn-text">As it stands, a run would fail: see the dry run.</p>}
          </form>
        </Card>
      </div>
      {trial.data && <Details trial={trial.data} />}
    </div>
  )
}

function Outcome({ trial, strategy }: { trial: DryRun; strategy: string }) {
  const { counts } = trial
  const empty = !trial.error && trial.complete && counts.rows_read === 0
  const warn = empty || counts.rows_rejected > 0
  const equation = [
    { label: 'read', value: counts.rows_read },
    { label: 'would be loaded', value: counts.rows_loaded, sign: '=', tone: 'text-ok-text' },
    { label: 'filtered', value: counts.rows_filtered, sign: '+' },
    { label: 'rejected', value: counts.rows_rejected, sign: '+', tone: counts.rows_rejected > 0 ? 'text-bad-text' : undefined },
    { label: 'duplicates', value: counts.rows_deduplicated, sign: '+' },
  ]
  return (
    <div>
      <div role="status" className="mb-3 flex gap-2 text-sm">
        {trial.error ? <CircleX aria-hidden className="mt-0.5 size-4.5 shrink-0 text-bad-text" /> : warn ? <TriangleAlert aria-hidden className="mt-0.5 size-4.5 shrink-0 text-warn-text" /> : <CircleCheck aria-hidden className="mt-0.5 size-4.5 shrink-0 text-ok-text" />}
        <div className="min-w-0">
          <p className={cn('font-medium', trial.error ? 'text-bad-text' : warn ? 'text-warn-text' : 'text-ok-text')}>
            {trial.error ? 'A run would fail' : empty ? 'The file has a header and no rows; the run will load nothing' : counts.rows_rejected > 0 ? `${plural(counts.rows_rejected, 'bad row')} would be set aside` : trial.complete ? 'The whole file fits' : 'The rows tried fit'}
          </p>
          {trial.error && (
            <p className="mt-0.5 break-words">
              {trial.error.line ? `Line ${formatCount(trial.error.line)}${trial.error.column ? `, column ${trial.error.column}` : ''}: ` : ''}
              {trial.error.message}. {trial.error.fix && <span className="text-muted">{trial.error.fix}.</span>}
            </p>
          )}
          {!trial.complete && <p className="mt-0.5 text-xs text-muted">Tried on the first {plural(counts.rows_read, 'row')} of the file.</p>}
        </div>
      </div>
      <ul className="flex flex-wrap items-end gap-x-3 gap-y-2">
        {equation.map(({ label, value, sign, tone }) => (
          <li key={label} className="flex items-end gap-3">
            {sign && (
              <span aria-hidden className="pb-4 text-base text-muted">
                {sign}
              </span>
            )}
            <span>
              <span className={cn('block text-lg font-semibold', tone)}>
                <Count value={value} />
              </span>
              <span className="block text-xs text-muted">{label}</span>
            </span>
          </li>
        ))}
      </ul>
      {strategy === 'UPSERT' && (
        <p className="mt-3 text-xs text-muted">
          {formatCount(counts.rows_inserted)} new, {formatCount(counts.rows_updated)} updated, of which {formatCount(trial.rows_unchanged)} {trial.rows_unchanged === 1 ? 'is as it was' : 'are as they were'}.
        </p>
      )}
      {trial.notes.length > 0 && (
        <ul className="mt-3 space-y-1 text-xs">
          {trial.notes.map((note) => (
            <li key={note} className="flex gap-1.5">
              <Info aria-hidden className="mt-px size-3.5 shrink-0 text-info-text" />
              <span className="min-w-0 break-words">{note}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** A row of the table; a new one has no before. */
interface Sample {
  line: number
  before: (string | null)[] | null
  after: (string | null)[]
}

const changed = ({ before, after }: Sample, column: number) => before !== null && before[column] !== after[column]
const textOf = (sample: Sample, column: number) => (changed(sample, column) ? `${sample.before?.[column] ?? 'NULL'} ${sample.after[column] ?? 'NULL'}` : sample.after[column])

function Details({ trial }: { trial: DryRun }) {
  const columns = useMemo(() => trial.columns.map((name) => ({ name })), [trial])
  const samples: Sample[] = trial.samples
  const [all, setAll] = useState(false)
  const rejects = all ? trial.rejects : trial.rejects.slice(0, few)
  return (
    <>
      {trial.rejects.length > 0 && (
        <Card title="Bad rows" description={`The first ${formatCount(rejects.length)} of ${formatCount(trial.counts.rows_rejected)}`} flush>
          <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Bad rows">
            <table className="w-full text-xs">
              <caption className="sr-only">Rows that cannot be loaded</caption>
              <thead>
                <tr className="border-b border-line bg-sunken text-left text-2xs text-muted">
                  {['Line', 'Column', 'Value', 'Why'].map((each) => (
                    <th key={each} scope="col" className="h-8 px-3 font-medium first:pl-4">
                      {each}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rejects.map((each) => (
                  <tr key={`${each.record}-${each.column ?? ''}`} className="border-b border-line align-top last:border-0">
                    <td className="px-3 py-1.5 pl-4 tabular-nums">{formatCount(each.line)}</td>
                    <td className="px-3 py-1.5 font-mono">{each.column}</td>
                    <td className="px-3 py-1.5">{each.value !== undefined && <mark className="font-mono">{each.value ? <Visible text={each.value} /> : 'empty'}</mark>}</td>
                    <td className="min-w-48 px-3 py-1.5"><Visible text={each.reason} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {trial.rejects.length > rejects.length && (
            <Button variant="ghost" size="sm" className="m-2" onClick={() => setAll(true)}>
              Show {formatCount(trial.rejects.length)}
            </Button>
          )}
        </Card>
      )}
      {samples.length > 0 && (
        <Card title="Rows before and after" description="Changed cells are marked; a new row has no before" flush>
          <WideTable
            region="Rows before and after"
            caption="Rows of the table before and after"
            columns={columns}
            rows={samples}
            total={samples.length}
            stateOf={(sample) => (sample.before === null ? 'new' : trial.columns.some((_, i) => changed(sample, i)) ? 'updated' : 'unchanged')}
            textOf={textOf}
            cellOf={(sample, i) => ({
              className: 'font-mono',
              content: changed(sample, i) ? (
                <>
                  <del className="text-muted">
                    <Cell value={sample.before?.[i]} />
                  </del>{' '}
                  <ins className="rounded-xs bg-ok-soft px-0.5 text-ok-text no-underline">
                    <Cell value={sample.after[i]} />
                  </ins>
                </>
              ) : (
                <Cell value={sample.after[i]} />
              ),
            })}
          />
        </Card>
      )}
      {trial.sql.length > 0 && (
        <Card title="SQL" description="What a run would do in the database">
          <CodeBlock label="SQL" wrap code={trial.sql.join(';\n\n') + ';'} />
        </Card>
      )}
    </>
  )
}
