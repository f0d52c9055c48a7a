import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { call, client } from '@/shared/api/client'
import type { JobInput } from '@/shared/api/model'
import type { components } from '@/shared/api/schema'

type Schemas = components['schemas']
export type Table = Schemas['Table']
export type TableInfo = Schemas['TableInfo']
export type Suggestion = Schemas['Suggestion']
export type Trial = Schemas['MappingTrial']
export type TrialInput = Schemas['TrialInput']
export type MappingProblem = Schemas['MappingProblem']
export type Checked = Schemas['CheckedJob']
export type DryRun = Schemas['DryRun']
export type FitInput = Schemas['FitInput']
export type Fits = Schemas['Fits']

const destination = (credential: number) => ({ params: { path: { credential_id: credential } } })

export const schemasQuery = (credential: number) =>
  queryOptions({
    queryKey: ['destinations', credential, 'schemas'],
    queryFn: ({ signal }) => call(client.POST('/api/v1/destinations/{credential_id}/schemas', { ...destination(credential), signal })),
  })

export const tablesQuery = (credential: number, schema: string) =>
  queryOptions({
    queryKey: ['destinations', credential, 'tables', schema],
    queryFn: ({ signal }) => call(client.POST('/api/v1/destinations/{credential_id}/tables', { ...destination(credential), body: { schema }, signal })),
  })

export const tableQuery = (credential: number, schema: string, table: string) =>
  queryOptions({
    queryKey: ['destinations', credential, 'table', schema, table],
    queryFn: ({ signal }) => call(client.POST('/api/v1/destinations/{credential_id}/schema', { ...destination(credential), body: { ...(schema ? { schema } : {}), table }, signal })),
  })

export const suggestQuery = (input: Schemas['SuggestInput']) =>
  queryOptions({
    queryKey: ['suggest', input],
    queryFn: ({ signal }) => call(client.POST('/api/v1/jobs/suggest', { body: input, signal })),
    staleTime: Infinity,
  })

export const trialQuery = (input: TrialInput) =>
  queryOptions({
    queryKey: ['trial', input],
    queryFn: ({ signal }) => call(client.POST('/api/v1/jobs/preview', { body: input, signal })),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })

export const fitsQuery = (file: string, input: FitInput) =>
  queryOptions({
    queryKey: ['sources', 'fits', file, input],
    queryFn: ({ signal }) => call(client.POST('/api/v1/sources/csv/{file_id}/fits', { params: { path: { file_id: file } }, body: input, signal })),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })

export const validateQuery = (input: JobInput) =>
  queryOptions({
    queryKey: ['validate', input],
    queryFn: ({ signal }) => call(client.POST('/api/v1/jobs/validate', { body: input, signal })),
  })

export const dryRunQuery = (input: JobInput) =>
  queryOptions({
    queryKey: ['dry-run', input],
    queryFn: ({ signal }) => call(client.POST('/api/v1/jobs/dry-run', { body: input, signal })),
    // It works on the destination: only a person asks for another one.
    staleTime: Infinity,
    retry: false,
  })
