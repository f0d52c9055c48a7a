import { zodResolver } from '@hookform/resolvers/zod'
import { useForm, type UseFormReturn } from 'react-hook-form'
import * as z from 'zod'
import type { Problem } from '@/shared/api/problem'
import type { Credential, CredentialInput } from '@/shared/api/model'
import { accessOf, endpointOf, type Access, type Endpoint } from '@/shared/lib/warehouse'

export const sslModes = [
  { value: 'disable', label: 'disable: never encrypted' },
  { value: 'allow', label: 'allow: encrypted where the server insists' },
  { value: 'prefer', label: 'prefer: encrypted where the server can' },
  { value: 'require', label: 'require: encrypted, certificate not verified' },
  { value: 'verify-ca', label: 'verify-ca: certificate verified' },
  { value: 'verify-full', label: 'verify-full: certificate and host name verified' },
] as const

const ports = { postgresql: '5432', redshift: '5439' }
const modes = { postgresql: 'prefer', redshift: 'require' } as const
/** A mode as a type knows it: Redshift takes two of them as require. */
export const modeIn = (type: Fields['type'], mode: Fields['ssl_mode']) => (type === 'redshift' && (mode === 'allow' || mode === 'prefer') ? 'require' : mode)

/** The fields as a person types them. Those from copy_role_arn on, and what follows from them, are of Redshift. */
export interface Fields {
  name: string
  type: Credential['type']
  host: string
  port: string
  database: string
  username: string
  password: string
  ssl_mode: (typeof sslModes)[number]['value']
  ssl_root_cert: string
  max_parallel: string
  access: Access
  warehouse: 'workgroup' | 'cluster'
  workgroup: string
  cluster_identifier: string
  region: string
  secret_arn: string
  copy_role_arn: string
  staging_bucket: string
  staging_prefix: string
  staging_region: string
}
export type Parsed = Omit<Fields, 'port' | 'max_parallel'> & { port: number; max_parallel: number }
export type CredentialForm = UseFormReturn<Fields, unknown, Parsed>

/** Which fields a kind of destination and a way to it have. */
export function shownOf({ type, access, warehouse, secret_arn }: Pick<Fields, 'type' | 'access' | 'warehouse' | 'secret_arn'>) {
  const redshift = type === 'redshift'
  const connection = !redshift || access === 'connection'
  return {
    redshift,
    /** The portal connects to the server itself. */
    network: !redshift || access !== 'data_api',
    /** A password is kept for it. */
    password: connection,
    /** Temporary credentials of a workgroup, and a secret, tell their user themselves. */
    user: connection || (warehouse === 'cluster' && (access === 'iam' || secret_arn.trim() === '')),
    /** AWS is asked about the warehouse by its name. */
    named: redshift && access !== 'connection',
    secret: redshift && access === 'data_api',
  }
}

/** Whether the host says which warehouse it is: the address that AWS gave to one has its name. */
export function isTold({ access, host: address }: Pick<Fields, 'access' | 'host'>): boolean {
  return access !== 'data_api' && endpointOf(address) !== null
}

const word = z.string().trim()
const whole = (message: string) => z.coerce.number<string>(message).int(message)
const needed = (message: string) => word.min(1, message)
const like = (form: RegExp, message: string) => word.refine((text) => text === '' || form.test(text), message)
const region = like(/^[a-z]{2}(-[a-z]+)+-\d$/, 'Give a region, as eu-central-1')
const host = needed('Name the host').refine((text) => !/[/@]|:\/\//.test(text), 'Give the host alone, without scheme, user or path')

/** The rules for fields as they are shown; what is not shown may hold what it likes. */
function rulesOf(values: Fields) {
  const shown = shownOf(values)
  const when = (is: boolean, rule: z.ZodType<string, string>) => (is ? rule : z.string())
  const told = isTold(values)
  return z.object({
    name: needed('Give it a name').max(200, 'The name has at most 200 characters'),
    type: z.enum(['postgresql', 'redshift']),
    host: when(shown.network, host),
    port: shown.network ? whole('Give a port number').min(1, 'Ports go from 1 to 65535').max(65_535, 'Ports go from 1 to 65535') : z.string().transform(() => Number(ports[values.type])),
    database: needed('Name the database'),
    username: when(shown.user, shown.password ? needed('Name the user') : word),
    password: z.string(),
    ssl_mode: z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']),
    ssl_root_cert: word,
    max_parallel: whole('Give a number from 1 to 64').min(1, 'At least one').max(64, 'At most 64'),
    access: z.enum(['connection', 'iam', 'data_api']),
    warehouse: z.enum(['workgroup', 'cluster']),
    workgroup: when(shown.named && values.warehouse === 'workgroup', told ? word : needed('Name the workgroup')),
    cluster_identifier: when(shown.named && values.warehouse === 'cluster', told ? word : needed('Name the cluster')),
    region: when(shown.named, region),
    secret_arn: when(shown.secret, like(/^arn:aws[a-z-]*:secretsmanager:/, 'Give the ARN of a secret, which begins with arn:aws:secretsmanager:')),
    copy_role_arn: when(shown.redshift, needed('Name the role by which COPY reads the files').refine((text) => text === '' || /^(default|arn:aws[a-z-]*:iam::\d{12}:role\/\S+)$/.test(text), 'Give the ARN of a role, as arn:aws:iam::123456789012:role/copy, or the word default')),
    staging_bucket: when(shown.redshift, like(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'Give the name of the bucket alone, without s3:// and folders')),
    staging_prefix: when(shown.redshift, like(/^(\.*[A-Za-z0-9_-][A-Za-z0-9_.-]*\/)+$/, 'End the folder with a slash, as etl/stage/')),
    staging_region: when(shown.redshift, region),
  })
}

/** What is typed, as it is sent; throws where it may not be. */
export function parse(values: Fields): Parsed {
  return rulesOf(values).parse(values)
}

export function initial(credential?: Credential): Fields {
  const type = credential?.type ?? 'postgresql'
  const options = credential?.options ?? {}
  const endpoint = endpointOf(credential?.host ?? '')
  const mode = sslModes.find(({ value }) => value === credential?.ssl_mode)?.value ?? modes[type]
  return {
    name: credential?.name ?? '',
    type,
    host: credential?.host ?? '',
    port: String(credential?.port ?? ports[type]),
    database: credential?.database ?? '',
    username: credential?.username ?? '',
    password: '',
    ssl_mode: modeIn(type, mode),
    ssl_root_cert: options.ssl_root_cert ?? '',
    max_parallel: String(credential?.max_parallel ?? 4),
    access: accessOf({ options }),
    warehouse: options.cluster_identifier || (!options.workgroup && endpoint?.kind === 'cluster') ? 'cluster' : 'workgroup',
    workgroup: options.workgroup ?? (endpoint?.kind === 'workgroup' ? endpoint.name : ''),
    cluster_identifier: options.cluster_identifier ?? (endpoint?.kind === 'cluster' ? endpoint.name : ''),
    region: options.region ?? endpoint?.region ?? '',
    secret_arn: options.secret_arn ?? '',
    copy_role_arn: options.copy_role_arn ?? '',
    staging_bucket: options.staging_bucket ?? '',
    staging_prefix: options.staging_prefix ?? '',
    staging_region: options.staging_region ?? '',
  }
}

const fieldNames = Object.keys(initial()) as (keyof Fields)[]

/** The form of a destination; a stored one is taken over anew when it changes. */
export function useCredentialForm(credential?: Credential): CredentialForm {
  const values = credential && initial(credential)
  return useForm<Fields, unknown, Parsed>({
    resolver: (typed, context, options) => zodResolver<Fields, unknown, Parsed>(rulesOf(typed))(typed, context, options),
    defaultValues: values ?? initial(),
    ...(values && { values }),
    shouldFocusError: false,
  })
}

/** What another type brings with it: its port and encryption, unless others were chosen. */
export function typeChange(values: Fields, type: Fields['type']): Partial<Fields> {
  const other = type === 'redshift' ? 'postgresql' : 'redshift'
  return { type, ...(values.port === ports[other] && { port: ports[type] }), ssl_mode: values.ssl_mode === modes[other] ? modes[type] : modeIn(type, values.ssl_mode) }
}

/** What another access brings with it: the names that the endpoint tells, and encryption that AWS asks for. */
export function accessChange(values: Fields, access: Access): Partial<Fields> {
  return { access, ...hostNames(values), ...(access === 'iam' && values.ssl_mode === 'disable' && { ssl_mode: modes.redshift }) }
}

/** What the host tells of a warehouse, unless somebody has named it; a connection by user and password has no names but the host's. */
export function hostNames(values: Fields): Partial<Fields> {
  const free = values.access === 'connection' || (!values.workgroup.trim() && !values.cluster_identifier.trim())
  return values.type === 'redshift' && free ? named(endpointOf(values.host)) : {}
}

/** What is sent. Options that the form does not know are kept; an empty password keeps the old one. */
export function inputOf(parsed: Parsed, before?: Credential): CredentialInput {
  const { name, type, port, database, ssl_mode, max_parallel, password } = parsed
  const shown = shownOf(parsed)
  const options: Record<string, string> = {}
  for (const [key, value] of Object.entries(before?.options ?? {})) if (!fieldNames.includes(key as keyof Fields)) options[key] = value
  const give = (is: boolean, ...keys: (keyof Parsed)[]) => {
    for (const key of keys) if (is && parsed[key] !== '') options[key] = String(parsed[key])
  }
  give(shown.network, 'ssl_root_cert')
  give(shown.redshift && parsed.access !== 'connection', 'access')
  give(shown.named, parsed.warehouse === 'cluster' ? 'cluster_identifier' : 'workgroup', 'region')
  give(shown.secret, 'secret_arn')
  give(shown.redshift, 'copy_role_arn', 'staging_bucket', 'staging_prefix', 'staging_region')
  return {
    name,
    type,
    // A host that is not shown stays: the portal asks for the password again where it changes.
    host: shown.network ? parsed.host : (before?.host ?? ''),
    port: shown.network ? port : (before?.port ?? port),
    database,
    username: shown.user ? parsed.username : '',
    ssl_mode,
    max_parallel,
    options,
    // What needs no password keeps none.
    ...(shown.password ? (password ? { password } : {}) : { password: '' }),
  }
}

/** The refused fields of a problem, by the form's names. */
export function refusals(problem: Problem): { name: keyof Fields; message: string }[] {
  return problem.errors.flatMap(({ location, message }) => {
    const name = location.replace(/^body\./, '').replace(/^options\./, '') as keyof Fields
    return fieldNames.includes(name) ? [{ name, message }] : []
  })
}

/** What an address of AWS says of its warehouse. */
function named(endpoint: Endpoint | null): Partial<Fields> {
  if (!endpoint) return {}
  const { kind, name, region: place } = endpoint
  return { warehouse: kind, region: place, ...(kind === 'cluster' ? { cluster_identifier: name } : { workgroup: name }) }
}

/** A server's address as people paste it, taken apart: "postgresql://me:word@db:5432/sales?sslmode=require", or a warehouse's as AWS shows it. Null where it is none. */
export function parseUrl(text: string): Partial<Fields> | null {
  const endpoint = endpointOf(text)
  if (endpoint) return { type: 'redshift', host: endpoint.host, port: endpoint.port ?? ports.redshift, ssl_mode: modes.redshift, ...named(endpoint), ...(endpoint.database && { database: endpoint.database }) }
  if (!/^(postgres(ql)?|redshift):\/\//.test(text.trim())) return null
  try {
    const url = new URL(text.trim().replace(/^[a-z]+:/, 'http:'))
    // Redshift is reached by PostgreSQL's scheme, too.
    const place = endpointOf(url.hostname)
    const type = place || text.trim().startsWith('redshift') ? 'redshift' : 'postgresql'
    const mode = sslModes.find(({ value }) => value === url.searchParams.get('sslmode'))?.value
    return {
      type,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || ports[type],
      database: decodeURIComponent(url.pathname.slice(1)),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      ssl_mode: mode ? modeIn(type, mode) : modes[type],
      ...named(place),
    }
  } catch {
    return null
  }
}
