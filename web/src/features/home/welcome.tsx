import { Cable, FileSpreadsheet, Upload, Workflow } from 'lucide-react'
import { ButtonLink, SampleButton } from '@/shared/components'

const steps = [
  { icon: FileSpreadsheet, title: '1. Upload a CSV file', text: 'Encoding, delimiter, header and the type of every column are found out over the whole file, with the evidence for each.' },
  { icon: Workflow, title: '2. Map it to a table', text: 'Columns match by name. Correct, transform or calculate them, and see the result on real rows before anything is written.' },
  { icon: Cable, title: '3. Load it', text: 'Every row arrives exactly once, or you are told its line and why not. Done is said after the counts agree.' },
]

/** The home page of a portal with nothing in it. */
export function Welcome() {
  return (
    <section className="overflow-hidden rounded-xl border border-line bg-surface shadow-card">
      <div className="border-b border-line bg-[radial-gradient(60rem_18rem_at_15%_-20%,var(--accent-soft),transparent)] px-6 py-10 sm:px-10">
        <h2 className="text-2xl font-semibold tracking-tight text-balance">From a CSV file to a table, every row accounted for</h2>
        <p className="mt-2 max-w-[62ch] text-muted">Nothing is here yet. Upload a file of yours, or look around with 600 sample orders: a PostgreSQL database to load into comes with the portal.</p>
        <div className="mt-6 flex flex-wrap gap-2">
          <ButtonLink to="/files/new" variant="primary" size="lg">
            <Upload aria-hidden />
            Upload files
          </ButtonLink>
          <SampleButton size="lg" />
        </div>
      </div>
      <ol className="grid divide-line max-md:divide-y md:grid-cols-3 md:divide-x">
        {steps.map(({ icon: Icon, title, text }) => (
          <li key={title} className="px-6 py-6 sm:px-10 md:px-8 md:first:pl-10">
            <Icon aria-hidden className="size-5 text-accent-text" strokeWidth={1.75} />
            <h3 className="mt-3 text-sm font-semibold">{title}</h3>
            <p className="mt-1 text-sm text-muted">{text}</p>
          </li>
        ))}
      </ol>
    </section>
  )
}
