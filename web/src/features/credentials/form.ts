import * as z from 'zod'
import type { Problem } from '@/shared/api/problem'
import type { Credential, CredentialInput } from '@/shared/api/model'

export const sslModes = [
  { value: 'disable', label: 'disable: never encrypted' },
  { value: 'allow', label: 'allow: encrypted where the server insists' },
  { value: 'prefer', label: 'prefer: encrypted where the server can' },
  { value: 'require', label: 'require: encrypted, certificate not verified' },
  { value: 'verify-ca', label: 'verify-ca: certificate verified' },
  { value: 'verify-full', label: 'verify-full: certificate and host name verified' },
] as const

/** The fields as a person types them. */
export const fields = z.object({
  name: z.string().trim().min(1, 'Give it a name').max(200, 'The name has at most 200 characters'),
  type: z.enum(['postgresql', 'redshift']),
  host: z
    .string()
    .trim()
    .min(1, 'Name the host')
    .refine((host) => !/[/@]|:\/\//.test(host), 'Give the host alone, without scheme, user or path'),
  port: z.coerce.number<string>('Give a port number').int('Give a port number').min(1, 'Ports go from 1 to 65535').max(65_535, 'Ports go from 1 to 65535'),
  database: z.string().trim().min(1, 'Name the database'),
  username: z.string().trim().min(1, 'Name the user'),
  password: z.string(),
  ssl_mode: z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']),
  ssl_root_cert: z.string().trim(),
  max_parallel: z.coerce.number<string>('Give a number from 1 to 64').int('Give a whole number').min(1, 'At least one').max(64, 'At most 64'),
})
export type Fields = z.input<typeof fields>
export type Parsed = z.output<typeof fields>

export function initial(credential?: Credential): Fields {
  return {
    name: credential?.name ?? '',
    type: credential?.type ?? 'postgresql',
    host: credential?.host ?? '',
    port: String(credential?.port ?? 5432),
    database: credential?.database ?? '',
    username: credential?.username ?? '',
    password: '',
    ssl_mode: sslModes.find(({ value }) => value === credential?.ssl_mode)?.value ?? 'prefer',
    ssl_root_cert: credential?.options.ssl_root_cert ?? '',
    max_parallel: String(credential?.max_parallel ?? 4),
  }
}

/** What is sent. Options that the form does not show are kept; an empty password keeps the old one. */
export function inputOf({ ssl_root_cert, password, ...rest }: Parsed, before?: Credential): CredentialInput {
  const options = Object.fromEntries(Object.entries(before?.options ?? {}).filter(([name]) => name !== 'ssl_root_cert'))
  return { ...rest, options: ssl_root_cert ? { ...options, ssl_root_cert } : options, ...(password ? { password } : {}) }
}

/** The refused fields of a problem, by the form's names. */
export function refusals(problem: Problem): { name: keyof Fields; message: string }[] {
  return problem.errors.flatMap(({ location, message }) => {
    const name = location.replace(/^body\./, '').replace(/^options\./, '')
    return name in fields.shape ? [{ name: name as keyof Fields, message }] : []
  })
}

/** A server's URL as people paste it ("postgresql://me:word@db:5432/sales?sslmode=require"), taken apart; null where it is none. */
export function parseUrl(text: string): Partial<Fields> | null {
  if (!/^(postgres(ql)?|redshift):\/\//.test(text.trim())) return null
  try {
    const url = new URL(text.trim().replace(/^[a-z]+:/, 'http:'))
    const mode = sslModes.find(({ value }) => value === url.searchParams.get('sslmode'))?.value
    return {
      type: text.trim().startsWith('redshift') ? 'redshift' : 'postgresql',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || '5432',
      database: decodeURIComponent(url.pathname.slice(1)),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      ...(mode && { ssl_mode: mode }),
    }
  } catch {
    return null
  }
}
