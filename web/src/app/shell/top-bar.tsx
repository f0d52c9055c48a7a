import { Menu as MenuIcon, Monitor, Moon, Search, Sun, Upload } from 'lucide-react'
import { Button, ButtonLink, Kbd, Menu } from '@/shared/components'
import { setTheme, useTheme } from '@/shared/lib/theme'

export function TopBar({ onSearch, onMenu, going }: { onSearch: () => void; onMenu: () => void; going: boolean }) {
  const { theme, dark } = useTheme()
  return (
    <header className="sticky top-0 z-30 border-b border-line bg-bg/90 backdrop-blur-sm">
      <div className="flex h-13 items-center gap-2 px-3 sm:px-6 lg:px-8">
        <Button variant="ghost" size="icon" aria-label="Open navigation" className="lg:hidden" onClick={onMenu}>
          <MenuIcon aria-hidden />
        </Button>
        <button
          type="button"
          onClick={onSearch}
          className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-md border border-line bg-surface px-2.5 text-left text-sm text-muted shadow-card hover:border-line-strong sm:max-w-sm"
        >
          <Search aria-hidden className="size-4 shrink-0 text-faint" />
          <span className="flex-1 truncate">Search or jump to…</span>
          <span aria-hidden className="hidden sm:inline">
            <Kbd keys="mod+k" />
          </span>
        </button>
        <div className="ml-auto flex items-center gap-1.5">
          <Menu
            trigger={
              <Button variant="ghost" size="icon" aria-label="Theme">
                {dark ? <Moon aria-hidden /> : <Sun aria-hidden />}
              </Button>
            }
            items={[
              { label: 'Light', icon: Sun, checked: theme === 'light', onSelect: () => setTheme('light') },
              { label: 'Dark', icon: Moon, checked: theme === 'dark', onSelect: () => setTheme('dark') },
              { label: 'As the system', icon: Monitor, checked: theme === 'system', onSelect: () => setTheme('system') },
            ]}
          />
          <ButtonLink to="/files/new" variant="primary" aria-label="Upload files">
            <Upload aria-hidden />
            <span className="hidden sm:inline">Upload</span>
          </ButtonLink>
        </div>
      </div>
      <div aria-hidden className="h-0.5 overflow-hidden">
        {going && <div className="h-full w-1/4 animate-stripe bg-accent" />}
      </div>
    </header>
  )
}
