import type { Credential } from '../api/model'

/** What a credential's type is called. */
export function kindOf({ type }: Pick<Credential, 'type'>): string {
  return type === 'redshift' ? 'Amazon Redshift' : 'PostgreSQL'
}

/** How the portal comes to a warehouse. */
export type Access = 'connection' | 'iam' | 'data_api'

/** The access of a credential; what is not said is a connection. */
export function accessOf({ options }: Pick<Credential, 'options'>): Access {
  return options.access === 'iam' || options.access === 'data_api' ? options.access : 'connection'
}

export function accessInWords(credential: Pick<Credential, 'options'>): string {
  return { connection: 'user and password', iam: 'temporary credentials by IAM', data_api: 'Data API' }[accessOf(credential)]
}

/** An address that AWS gave to a warehouse, taken apart. */
export interface Endpoint {
  host: string
  kind: 'workgroup' | 'cluster'
  /** Of the workgroup or of the cluster. */
  name: string
  region: string
  /** Twelve digits; a cluster's address does not tell it. */
  account?: string
  port?: string
  database?: string
}

/** "wg.123456789012.eu-central-1.redshift-serverless.amazonaws.com:5439/dev" as the console of AWS shows it; null where it is no such address. */
export function endpointOf(text: string): Endpoint | null {
  const found = /^(?:(?:jdbc:)?redshift(?::iam)?:\/\/)?(([a-z0-9-]+)\.([a-z0-9-]+)\.([a-z]{2}(?:-[a-z]+)+-\d)\.redshift(-serverless)?\.amazonaws\.com(?:\.cn)?)(?::(\d+))?(?:\/([^?#;]*))?/i.exec(text.trim())
  if (!found) return null
  const [, host = '', name = '', second = '', region = '', serverless, port, database] = found
  return {
    host: host.toLowerCase(),
    kind: serverless ? 'workgroup' : 'cluster',
    name: name.toLowerCase(),
    region: region.toLowerCase(),
    ...(serverless && /^\d{12}$/.test(second) ? { account: second } : {}),
    ...(port ? { port } : {}),
    ...(database ? { database } : {}),
  }
}

/** Where a credential leads: host, port and database, or of the Data API the warehouse's name. */
export function placeOf({ type, host, port, database, options }: Pick<Credential, 'type' | 'host' | 'port' | 'database' | 'options'>): string {
  const name = options.workgroup ?? options.cluster_identifier ?? endpointOf(host)?.name
  if (type === 'redshift' && accessOf({ options }) === 'data_api' && name) return `${name}/${database}`
  return `${host}:${port}/${database}`
}
