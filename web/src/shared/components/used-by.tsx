import type { ReactNode } from 'react'
import { formatCount } from '../lib/format'
import { TextLink } from './row-link'

/** What keeps a thing from being deleted, each with the way to it; `more` says that there are others. */
export function UsedBy({ lead, users, more }: { lead: ReactNode; users: { to: string; name: ReactNode }[]; more?: boolean }) {
  const shown = users.slice(0, 10)
  const left = users.length - shown.length
  return (
    <>
      <p>{lead}</p>
      <ul className="mt-1 list-disc pl-5">
        {shown.map(({ to, name }) => (
          <li key={to}>
            <TextLink to={to}>{name}</TextLink>
          </li>
        ))}
        {(left > 0 || more) && <li>{left > 0 ? `and ${formatCount(left)}${more ? ' or more' : ''} other${left === 1 && !more ? '' : 's'}` : 'and others'}</li>}
      </ul>
    </>
  )
}
