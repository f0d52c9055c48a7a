import { ArrowLeft, ArrowRight, RotateCcw } from 'lucide-react'
import { useEffect, useEffectEvent, useRef, useState } from 'react'
import type { Job, Metadata } from '@/shared/api/model'
import { Button, ConfirmDialog, ErrorSummary, Kbd, PageHeader, StatusBadge, TextLink } from '@/shared/components'
import { plural } from '@/shared/lib/format'
import { useShortcut } from '@/shared/lib/shortcuts'
import { useDraft, type Draft } from './draft'
import { CheckStep } from './step-check'
import { DestinationStep } from './step-destination'
import { LoadStep } from './step-load'
import { MappingStep } from './step-mapping'
import { TableStep } from './step-table'
import { Stepper } from './stepper'
import { firstOpen, obstacles, steps, useWizard, type StepId } from './wizard'

const leads: Record<StepId, { title: string; lead: string }> = {
  destination: { title: 'Into which database?', lead: 'Rows go there and nowhere else. Passwords stay in the portal.' },
  table: { title: 'Into which table?', lead: 'A new one is made as its DDL says; an existing one keeps its columns and constraints.' },
  mapping: { title: 'Which column goes where?', lead: 'Matched by name. Open a column to change its type, its steps or its calculation; results are those of real rows.' },
  load: { title: 'How are rows loaded?', lead: 'What becomes of rows that are already there, of bad ones, and of those you do not want.' },
  check: { title: 'Check, then run', lead: 'The whole way is tried against the table and taken back: nothing is changed before you run it.' },
}

/** The wizard of one file: steps, draft, what is missing. */
export function Steps({ file, job, initial, draftName, step: asked, go, opened, open }: {
  file: Metadata
  job?: Job
  initial: Draft
  draftName: string
  step?: StepId
  go: (step: StepId, correct?: boolean) => void
  opened: string
  open: (column: string) => void
}) {
  const { draft, update, forget, restored } = useDraft(draftName, initial)
  const wizard = useWizard(file, job, draft, update)
  const reachable = firstOpen(wizard)
  const index = (id: StepId) => steps.findIndex((each) => each.id === id)
  // A link to a step that lacks what comes before it opens the step that is missing; what is only being read is waited for.
  const waiting = wizard.suggestionState.isFetching || wizard.tableState.isFetching
  const wanted = asked ?? (job ? 'mapping' : 'destination')
  const step = index(wanted) <= index(reachable) || waiting ? wanted : reachable
  const [attempt, setAttempt] = useState<{ step: StepId; n: number }>({ step, n: 0 })
  // A step that has what it needs is done only once it was seen; a job's are.
  const seen = steps.map(({ id }) => id)
  const [visited, setVisited] = useState<StepId[]>(job ? seen : seen.slice(0, index(step) + 1))
  if (!visited.includes(step)) setVisited([...visited, step])
  const [starting, setStarting] = useState(false)
  const missing = attempt.step === step && attempt.n > 0 ? obstacles(wizard, step) : []
  // The address says the step that is shown: what is missing there being filled in must not jump ahead.
  const correct = useEffectEvent(() => go(step, true))
  useEffect(() => {
    if (step !== wanted) correct()
  }, [step, wanted])
  const [sought, setSought] = useState({ key: '', n: 0 })
  const heading = useRef<HTMLHeadingElement>(null)
  const before = useRef(step)
  useEffect(() => {
    if (before.current !== step) {
      heading.current?.focus({ preventScroll: true })
      window.scrollTo({ top: 0 })
    }
    before.current = step
  }, [step])

  /** Whether nothing is missing here; else the summary says what. */
  const complete = () => {
    if (obstacles(wizard, step).length === 0) return true
    setAttempt(({ step: last, n }) => ({ step, n: last === step ? n + 1 : 1 }))
    return false
  }
  const next = steps[index(step) + 1]?.id
  const previous = steps[index(step) - 1]?.id
  const forward = () => {
    if (next && complete()) go(next)
  }
  useShortcut('mod+enter', 'Continue', 'Job wizard', forward, next !== undefined)
  const errorOf = (name: string) => missing.find((each) => each.name === name)?.message
  const shared = { wizard, errorOf }
  return (
    <>
      <PageHeader
        title={job ? `Change ${job.name}` : 'New job'}
        crumbs={job ? [{ label: 'Jobs', to: '/jobs' }, { label: job.name, to: `/jobs/${job.id}` }] : [{ label: 'Jobs', to: '/jobs' }]}
        badge={file.profile.state === 'complete' ? undefined : <StatusBadge status={file.profile.state} />}
        description={
          <>
            <TextLink to={`/files/${file.file_id}`}>{file.filename}</TextLink> · {plural(file.row_count, 'row')} · {plural(file.columns.length, 'column')}
          </>
        }
        actions={
          restored && (
            <Button variant="ghost" size="sm" onClick={() => setStarting(true)}>
              <RotateCcw aria-hidden />
              {job ? 'Discard changes' : 'Start over'}
            </Button>
          )
        }
      />
      <Stepper current={step} reachable={reachable} visited={visited} onGo={go} />
      {/* What takes the focus never stands under the bar below. */}
      <section aria-labelledby="step-title" className="[&_*]:scroll-mb-20">
        <h2 id="step-title" ref={heading} tabIndex={-1} className="text-lg font-semibold tracking-tight outline-none">
          {leads[step].title}
        </h2>
        <p className="mt-0.5 mb-4 max-w-[75ch] text-sm text-muted">{leads[step].lead}</p>
        {missing.length > 0 && (
          <div className="mb-4">
            <ErrorSummary
              errors={missing}
              attempt={attempt.n}
              onGo={(name) => {
                // The field of a mapped column is there once the column is open.
                const key = step === 'mapping' && name.startsWith('column-') ? name.slice('column-'.length) : undefined
                if (key === undefined) return false
                open(key)
                setSought(({ n }) => ({ key, n: n + 1 }))
                return true
              }}
            />
          </div>
        )}
        {step === 'destination' && <DestinationStep {...shared} />}
        {step === 'table' && <TableStep {...shared} />}
        {step === 'mapping' && <MappingStep {...shared} opened={opened} open={open} sought={sought} />}
        {step === 'load' && <LoadStep {...shared} />}
        {step === 'check' && <CheckStep {...shared} complete={complete} forget={forget} />}
      </section>
      {next && (
        <div className="sticky bottom-0 z-10 -mx-4 mt-6 -mb-16 flex items-center justify-between gap-3 border-t border-line bg-bg px-4 py-3 sm:-mx-6 sm:px-6 lg:-mx-8 lg:px-8">
          {previous ? (
            <Button onClick={() => go(previous)}>
              <ArrowLeft aria-hidden />
              Back
            </Button>
          ) : (
            <span />
          )}
          <span className="flex items-center gap-3">
            <span aria-hidden className="text-xs text-muted max-sm:hidden">
              <Kbd keys="mod+Enter" />
            </span>
            <Button variant="primary" onClick={forward}>
              Continue
              <ArrowRight aria-hidden />
            </Button>
          </span>
        </div>
      )}
      <ConfirmDialog
        open={starting}
        onOpenChange={setStarting}
        title={job ? 'Discard your changes?' : 'Start over?'}
        action={job ? 'Discard changes' : 'Start over'}
        onConfirm={async () => {
          forget()
          setVisited(job ? seen : ['destination'])
          go(job ? 'mapping' : 'destination')
          return Promise.resolve()
        }}
      >
        {job ? 'The job stays as it is saved.' : 'What you have decided for this file so far is forgotten. The file stays.'}
      </ConfirmDialog>
    </>
  )
}
