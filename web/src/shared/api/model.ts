import type { components } from './schema'

type Schemas = components['schemas']

export type Column = Schemas['ColumnView']
export type ColumnMapping = Schemas['ColumnMapping']
export type ConnectionTest = Schemas['ConnectionTest']
export type Credential = Schemas['Credential']
export type CredentialInput = Schemas['CredentialInput']
export type Job = Schemas['Job']
export type JobItem = Schemas['JobItem']
export type JobInput = Schemas['JobInput']
export type LogEntry = Schemas['LogEntry']
export type Me = Schemas['Me']
export type Metadata = Schemas['Metadata']
export type NewToken = Schemas['NewToken']
export type Preview = Schemas['Preview']
export type Reject = Schemas['Reject']
export type RejectGroup = Schemas['RejectGroup']
export type Run = Schemas['Run']
export type RunItem = Schemas['RunItem']
export type RunStatus = Run['status']
/** The last run is null before the first, and once it was deleted. */
export type Schedule = Omit<Schemas['Schedule'], 'last_run'> & { last_run: Schemas['ScheduledRun'] | null }
export type ScheduleInput = Schemas['ScheduleInput']
export type SchedulePreview = Schemas['SchedulePreview']
export type Source = Schemas['SourceItem']
export type Statistics = Schemas['Statistics']
export type Summary = Schemas['Summary']
export type TableLayout = Schemas['TableLayout']
export type TableOptions = Schemas['TableOptions']
export type Tally = Schemas['Tally']
export type Token = Schemas['Token']

/** A page of a list as the API answers it. */
export interface Page<T> {
  items: T[]
  next_cursor?: string
}

/** Whether a run may still change. */
export function isLive(run: Pick<Run, 'status'>): boolean {
  return run.status === 'PENDING' || run.status === 'RUNNING'
}
