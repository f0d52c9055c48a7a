import { BookOpen, Keyboard } from 'lucide-react'
import { NavLink } from 'react-router'
import { cn } from '@/shared/lib/cn'
import { navigation } from './navigation'

const item = 'relative flex h-8 items-center gap-2.5 rounded-md px-2.5 text-sm font-medium text-muted transition-colors hover:bg-hover hover:text-text'

export function Brand() {
  return (
    <NavLink to="/" className="flex h-8 items-center gap-2.5 rounded-md px-1.5 text-sm font-semibold tracking-tight">
      <img src="/icon.svg" alt="" className="size-6" />
      ETL Portal
    </NavLink>
  )
}

export function NavigationList({ onChosen, onHelp }: { onChosen?: () => void; onHelp: () => void }) {
  return (
    <>
      <nav aria-label="Main" className="flex-1 space-y-5 overflow-y-auto px-3 py-3">
        {navigation.map((group) => (
          <div key={group.label}>
            <p aria-hidden className="mb-1 px-2.5 text-2xs font-medium text-faint">
              {group.label}
            </p>
            <ul className="space-y-0.5">
              {group.items.map(({ to, label, icon: Icon }) => (
                <li key={to}>
                  <NavLink to={to} end={to === '/'} onClick={onChosen} className={({ isActive }) => cn(item, isActive && 'bg-accent-soft text-accent-text hover:bg-accent-soft hover:text-accent-text')}>
                    <Icon aria-hidden className="size-4 shrink-0" strokeWidth={1.9} />
                    {label}
                  </NavLink>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className="space-y-0.5 border-t border-line px-3 py-3">
        <a href="/docs" className={item}>
          <BookOpen aria-hidden className="size-4" strokeWidth={1.9} />
          API documentation
        </a>
        <button type="button" onClick={onHelp} className={cn(item, 'w-full')}>
          <Keyboard aria-hidden className="size-4" strokeWidth={1.9} />
          Keyboard shortcuts
        </button>
      </div>
    </>
  )
}

export function Sidebar({ className, onHelp }: { className?: string; onHelp: () => void }) {
  return (
    <aside aria-label="Portal" className={cn('flex-col border-r border-line bg-sidebar', className)}>
      <div className="flex h-13 shrink-0 items-center px-4">
        <Brand />
      </div>
      <NavigationList onHelp={onHelp} />
    </aside>
  )
}
