import { endpointOf } from '@/shared/lib/warehouse'
import { shownOf, type Fields } from './form'

// What docs/redshift.md asks for, with the names that were typed. A word in
// capitals stands for a name that is not known yet.

const identifier = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
/** A policy with its lists on one line each. */
const policy = (...statements: Record<string, unknown>[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements }, null, 2).replace(/\[\s*("[^[\]]*")\s*\]/g, (_, list: string) => `[${list.replace(/\s*\n\s*/g, ' ')}]`)
const allow = (actions: string | string[], resources: string | string[]) => ({ Effect: 'Allow', Action: actions, Resource: resources })

/** The names that the texts are filled with. */
function namesOf(values: Fields) {
  const arn = /^arn:(aws[a-z-]*):iam::(\d{12}):role\/(.+)$/.exec(values.copy_role_arn.trim())
  const endpoint = endpointOf(values.host)
  const china = values.host.endsWith('.cn')
  return {
    partition: arn?.[1] ?? (china ? 'aws-cn' : 'aws'),
    account: endpoint?.account ?? arn?.[2] ?? 'ACCOUNT',
    region: values.region.trim() || endpoint?.region || 'REGION',
    bucket: values.staging_bucket.trim() || 'BUCKET',
    prefix: values.staging_prefix.trim() || 'redshift/',
    database: values.database.trim() || 'DATABASE_NAME',
    cluster: values.cluster_identifier.trim() || 'CLUSTER',
    secret: values.secret_arn.trim(),
  }
}

/** The policy of the role by which COPY reads the staged files. */
export function copyPolicy(values: Fields): string {
  const { partition, bucket, prefix } = namesOf(values)
  return policy(allow('s3:GetObject', `arn:${partition}:s3:::${bucket}/${prefix}*`), allow(['s3:ListBucket', 's3:GetBucketLocation'], `arn:${partition}:s3:::${bucket}`))
}

/** Who may take that role: the warehouse. */
export function trustPolicy(values: Fields): string {
  const services = values.warehouse === 'workgroup' ? ['redshift.amazonaws.com', 'redshift-serverless.amazonaws.com'] : 'redshift.amazonaws.com'
  return policy({ Effect: 'Allow', Principal: { Service: services }, Action: 'sts:AssumeRole' })
}

/** What the portal itself may do in AWS. */
export function portalPolicy(values: Fields): string {
  const { partition, account, region, bucket, prefix, database, cluster, secret } = namesOf(values)
  const statements = [allow(['s3:PutObject', 's3:GetObject', 's3:DeleteObject'], `arn:${partition}:s3:::${bucket}/${prefix}*`), allow('s3:ListBucket', `arn:${partition}:s3:::${bucket}`)]
  const own = `arn:${partition}:redshift:${region}:${account}`
  const workgroup = `arn:${partition}:redshift-serverless:${region}:${account}:workgroup/WORKGROUP_ID`
  if (values.access === 'data_api') {
    statements.push(allow(['redshift-data:ExecuteStatement', 'redshift-data:BatchExecuteStatement'], values.warehouse === 'workgroup' ? workgroup : `${own}:cluster:${cluster}`))
    statements.push(allow(['redshift-data:DescribeStatement', 'redshift-data:GetStatementResult', 'redshift-data:CancelStatement'], '*'))
  }
  if (values.access === 'data_api' && secret) statements.push(allow('secretsmanager:GetSecretValue', secret))
  else if (values.access !== 'connection' && values.warehouse === 'workgroup') statements.push(allow('redshift-serverless:GetCredentials', workgroup))
  else if (values.access !== 'connection') {
    const user = values.username.trim()
    statements.push(user ? allow('redshift:GetClusterCredentials', [`${own}:dbuser:${cluster}/${user}`, `${own}:dbname:${cluster}/${database}`]) : allow('redshift:GetClusterCredentialsWithIAM', `${own}:dbname:${cluster}/${database}`))
  }
  return policy(...statements)
}

/** Whether the user that logs in is made of the portal's own identity in AWS. */
export function isMapped(values: Fields): boolean {
  const { named, secret, user } = shownOf(values)
  return named && !(secret && values.secret_arn.trim()) && !(user && values.username.trim())
}

/** The rights that the user needs in the database. */
export function grants(values: Fields): string {
  const shown = shownOf(values)
  const database = values.database.trim() ? identifier(values.database.trim()) : 'DATABASE_NAME'
  const named = shown.user && values.username.trim() !== ''
  const user = isMapped(values) ? '"IAMR:ROLE"' : named ? identifier(values.username.trim()) : 'USER_NAME'
  return [
    // AWS gives credentials also for a user that there is not.
    ...(named && !shown.password ? [`CREATE USER ${user} PASSWORD DISABLE;`] : []),
    `GRANT CREATE ON DATABASE ${database} TO ${user};`,
    `GRANT TEMPORARY ON DATABASE ${database} TO ${user};`,
    `GRANT USAGE, CREATE ON SCHEMA public TO ${user};`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${user};`,
  ].join('\n')
}
