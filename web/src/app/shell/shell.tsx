import { lazy, Suspense, useEffect, useState } from 'react'
import { Outlet, ScrollRestoration, useNavigate, useNavigation } from 'react-router'
import { Toaster } from 'sonner'
import { handleKey, useShortcut } from '@/shared/lib/shortcuts'
import { useTheme } from '@/shared/lib/theme'
import { useTokenAsked } from '@/shared/api/session'
import { MobileNavigation } from './mobile-navigation'
import { navigation } from './navigation'
import { Sidebar } from './sidebar'
import { TokenGate } from './token-gate'
import { TopBar } from './top-bar'

const CommandPalette = lazy(async () => ({ default: (await import('./command-palette')).CommandPalette }))
const ShortcutHelp = lazy(async () => ({ default: (await import('./shortcut-help')).ShortcutHelp }))

/** A field that a page offers to "/"; without one, "/" opens the palette. */
function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('main input[type=search]')
  field?.focus()
  field?.select()
  return field !== null
}

function GoTo({ to, label, keys }: { to: string; label: string; keys: string }) {
  const navigate = useNavigate()
  useShortcut(keys, `Go to ${label}`, 'Go to', () => void navigate(to))
  return null
}

export function Shell() {
  const [palette, setPalette] = useState(false)
  const [help, setHelp] = useState(false)
  const [menu, setMenu] = useState(false)
  const { dark } = useTheme()
  const tokenAsked = useTokenAsked()
  const going = useNavigation().state !== 'idle'

  useEffect(() => {
    window.addEventListener('keydown', handleKey)
    return () => window.removeEventListener('keydown', handleKey)
  }, [])
  useShortcut('mod+k', 'Search and commands', 'General', () => setPalette((open) => !open))
  useShortcut('/', 'Search this page, or everything', 'General', () => {
    if (!focusSearch()) setPalette(true)
  })
  useShortcut('?', 'This help', 'General', () => setHelp(true))

  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[13.5rem_minmax(0,1fr)]">
      <a href="#content" className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2">
        Skip to the content
      </a>
      {navigation.flatMap((group) => group.items.map((item) => <GoTo key={item.to} to={item.to} label={item.label} keys={`g ${item.key}`} />))}
      <Sidebar className="sticky top-0 hidden h-dvh lg:flex" onHelp={() => setHelp(true)} />
      <MobileNavigation open={menu} onOpenChange={setMenu} onHelp={() => setHelp(true)} />
      <div className="flex min-w-0 flex-col">
        <TopBar onSearch={() => setPalette(true)} onMenu={() => setMenu(true)} going={going} />
        <main id="content" tabIndex={-1} className="mx-auto w-full max-w-[90rem] flex-1 px-4 pt-6 pb-16 focus-visible:outline-none sm:px-6 lg:px-8">
          {tokenAsked ? <TokenGate /> : <Outlet />}
        </main>
      </div>
      <Suspense>
        {palette && <CommandPalette open onOpenChange={setPalette} onHelp={() => setHelp(true)} />}
        {help && <ShortcutHelp open onOpenChange={setHelp} />}
      </Suspense>
      <Toaster theme={dark ? 'dark' : 'light'} position="bottom-right" closeButton containerAriaLabel="Messages" />
      <ScrollRestoration />
    </div>
  )
}
