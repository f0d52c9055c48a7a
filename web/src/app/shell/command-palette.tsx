import { useInfiniteQuery } from '@tanstack/react-query'
import { Command } from 'cmdk'
import { Cable, CirclePlus, FileSpreadsheet, Keyboard, ListChecks, Moon, Search, Sun, Upload, Workflow, type LucideIcon } from 'lucide-react'
import { Dialog } from 'radix-ui'
import type { ReactNode } from 'react'
import { useNavigate } from 'react-router'
import { credentialsQuery, itemsOf, jobsQuery, runsQuery, sourcesQuery } from '@/shared/api/queries'
import { Kbd, StatusBadge } from '@/shared/components'
import { tableName } from '@/shared/lib/format'
import { setTheme, useTheme } from '@/shared/lib/theme'
import { placeOf } from '@/shared/lib/warehouse'
import { navigation } from './navigation'

const group =
  '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-3 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-muted'

function Item({ icon: Icon, value, children, aside, onSelect }: { icon: LucideIcon; value: string; children: ReactNode; aside?: ReactNode; onSelect: () => void }) {
  return (
    <Command.Item value={value} onSelect={onSelect} className="flex min-h-9 items-center gap-2.5 rounded-md px-2 text-sm aria-selected:bg-accent-soft aria-selected:text-accent-text">
      <Icon aria-hidden className="size-4 shrink-0 opacity-75" />
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {aside}
    </Command.Item>
  )
}

/** Everything by its name: pages, actions, and what the portal holds. */
export function CommandPalette({ open, onOpenChange, onHelp }: { open: boolean; onOpenChange: (open: boolean) => void; onHelp: () => void }) {
  const navigate = useNavigate()
  const { dark } = useTheme()
  const files = useInfiniteQuery(sourcesQuery(100))
  const jobs = useInfiniteQuery(jobsQuery({}, 100))
  const runs = useInfiniteQuery(runsQuery({}, 20))
  const credentials = useInfiniteQuery(credentialsQuery())
  const go = (to: string) => () => {
    onOpenChange(false)
    void navigate(to)
  }
  const then = (act: () => void) => () => {
    onOpenChange(false)
    act()
  }
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 animate-fade bg-[oklch(0.15_0.02_270/0.45)] backdrop-blur-[1px]" />
        <Dialog.Content aria-describedby={undefined} className="fixed top-[10vh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 animate-fade overflow-hidden rounded-xl border border-line bg-raised shadow-pop">
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <Command label="Search and commands" loop>
            <div className="flex items-center gap-2.5 border-b border-line px-4">
              <Search aria-hidden className="size-4 text-faint" />
              <Command.Input placeholder="Files, jobs, runs, destinations, or a command" className="h-12 w-full bg-transparent text-base outline-none placeholder:text-faint" />
              <Kbd keys="Esc" />
            </div>
            <Command.List className="max-h-[60vh] overflow-y-auto px-2 pb-2">
              <Command.Empty className="px-4 py-10 text-center text-sm text-muted">Nothing has this name. Try a part of it.</Command.Empty>
              <Command.Group heading="Commands" className={group}>
                <Item icon={Upload} value="upload files new file" onSelect={go('/files/new')}>Upload files</Item>
                <Item icon={CirclePlus} value="new job create job" onSelect={go('/jobs/new')}>New job</Item>
                <Item icon={CirclePlus} value="new destination create credential" onSelect={go('/credentials/new')}>New destination</Item>
                <Item icon={dark ? Sun : Moon} value="theme light dark mode" onSelect={then(() => setTheme(dark ? 'light' : 'dark'))}>{dark ? 'Use light colours' : 'Use dark colours'}</Item>
                <Item icon={Keyboard} value="keyboard shortcuts help" aside={<Kbd keys="?" />} onSelect={then(onHelp)}>Keyboard shortcuts</Item>
              </Command.Group>
              <Command.Group heading="Go to" className={group}>
                {navigation.flatMap((each) => each.items).map((each) => (
                  <Item key={each.to} icon={each.icon} value={`go to ${each.label}`} aside={<Kbd keys={`g ${each.key}`} />} onSelect={go(each.to)}>{each.label}</Item>
                ))}
              </Command.Group>
              <Command.Group heading="Jobs" className={group}>
                {itemsOf(jobs.data).map((job) => (
                  <Item key={job.id} icon={Workflow} value={`job ${job.id} ${job.name} ${job.table}`} aside={<span className="truncate font-mono text-xs text-muted">{tableName(job)}</span>} onSelect={go(`/jobs/${job.id}`)}>{job.name}</Item>
                ))}
              </Command.Group>
              <Command.Group heading="Files" className={group}>
                {itemsOf(files.data).map((file) => (
                  <Item key={file.file_id} icon={FileSpreadsheet} value={`file ${file.filename} ${file.file_id}`} onSelect={go(`/files/${file.file_id}`)}>{file.filename}</Item>
                ))}
              </Command.Group>
              <Command.Group heading="Latest runs" className={group}>
                {itemsOf(runs.data).slice(0, 20).map((run) => (
                  <Item key={run.id} icon={ListChecks} value={`run ${run.id} ${run.job_name} ${run.status}`} aside={<StatusBadge status={run.status} />} onSelect={go(`/runs/${run.id}`)}>Run {run.id} · {run.job_name}</Item>
                ))}
              </Command.Group>
              <Command.Group heading="Destinations" className={group}>
                {itemsOf(credentials.data).map((credential) => (
                  <Item key={credential.id} icon={Cable} value={`destination credential ${credential.name} ${placeOf(credential)}`} onSelect={go(`/credentials/${credential.id}`)}>{credential.name}</Item>
                ))}
              </Command.Group>
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
