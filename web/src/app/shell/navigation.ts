import { Cable, CalendarClock, FileSpreadsheet, House, KeyRound, ListChecks, Workflow, type LucideIcon } from 'lucide-react'

export interface Destination {
  to: string
  label: string
  icon: LucideIcon
  /** The key after "g". */
  key: string
}

/** What the sidebar lists, in its groups. */
export const navigation: { label: string; items: Destination[] }[] = [
  {
    label: 'Work',
    items: [
      { to: '/', label: 'Home', icon: House, key: 'h' },
      { to: '/files', label: 'Files', icon: FileSpreadsheet, key: 'f' },
      { to: '/jobs', label: 'Jobs', icon: Workflow, key: 'j' },
      { to: '/runs', label: 'Runs', icon: ListChecks, key: 'r' },
      { to: '/schedules', label: 'Schedules', icon: CalendarClock, key: 's' },
    ],
  },
  {
    label: 'Set up',
    items: [
      { to: '/credentials', label: 'Destinations', icon: Cable, key: 'd' },
      { to: '/admin/tokens', label: 'API tokens', icon: KeyRound, key: 't' },
    ],
  },
]
