import type { ReactNode } from 'react'
import { useWatch } from 'react-hook-form'
import { Card, CodeBlock } from '@/shared/components'
import { shownOf, type CredentialForm } from './form'
import { copyPolicy, grants, isMapped, portalPolicy, trustPolicy } from './needs'

/** Where the panel is, for links to it. */
export const needsId = 'redshift-needs'

/** What somebody has to set up in AWS and in the database, with the names as they are typed. */
export function RedshiftNeeds({ form }: { form: CredentialForm }) {
  const values = useWatch({ control: form.control, compute: (all) => all })
  const workgroup = values.warehouse === 'workgroup'
  return (
    <Card id={needsId} tabIndex={-1} title="What Redshift needs" description="To be copied, with the names as you type them; words in capitals are yours to fill in" className="scroll-mt-16 outline-none">
      <ol className="space-y-5">
        <Need title="A role by which COPY reads the files">
          <p>
            Rows come as files in an S3 bucket in the warehouse’s region. Make a role in IAM that trusts Redshift, give it this policy, attach it to the {workgroup ? 'workgroup’s namespace' : 'cluster'} and give its ARN here. A bucket with a
            key of its own also needs <code className="font-mono">kms:Decrypt</code> on it.
          </p>
          <CodeBlock label="The role’s policy" code={copyPolicy(values)} wrap />
          <details>
            <summary className="min-h-6 cursor-pointer py-1 font-medium">Whom the role trusts</summary>
            <CodeBlock label="The role’s trust policy" code={trustPolicy(values)} wrap className="mt-1.5" />
          </details>
        </Need>
        <Need title="The portal’s own rights in AWS">
          <p>They go to the identity by which the portal runs: its role, or the keys of its environment. Where it is deployed on AWS, its stack gives them: name the warehouse there.</p>
          <CodeBlock label="The portal’s policy" code={portalPolicy(values)} wrap />
        </Need>
        <Need title="The user’s rights in the database">
          <p>
            {isMapped(values) ? (
              <>
                The user is that of the portal’s role in AWS, <code className="font-mono">IAMR:</code> and the role’s name (of keys of a user, <code className="font-mono">IAM:</code> and the user’s). Redshift makes it at the first login: test the connection once, which names it, then run these.
              </>
            ) : (
              'To be run by the database’s owner; with the schemas that are to be loaded into.'
            )}
          </p>
          <CodeBlock label="Grants" code={grants(values)} wrap />
        </Need>
        {shownOf(values).network && (
          <Need title="A way there">
            <p>
              The portal connects to port {values.port.trim() || '5439'}: the {workgroup ? 'workgroup’s' : 'cluster’s'} security group has to let it in. Where there is no way through the network, use the Data API.
            </p>
          </Need>
        )}
      </ol>
    </Card>
  )
}

function Need({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="space-y-2 text-xs text-muted">
      <h3 className="text-sm font-medium text-text">{title}</h3>
      {children}
    </li>
  )
}
