import type { Credential } from '@/shared/api/model'

export function kindOf(credential: Pick<Credential, 'type'>): string {
  return credential.type === 'redshift' ? 'Amazon Redshift' : 'PostgreSQL'
}
