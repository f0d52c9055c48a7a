import { useSyncExternalStore } from 'react'

export type Theme = 'light' | 'dark' | 'system'

const key = 'etlportal.theme'
const listeners = new Set<() => void>()

function stored(): Theme {
  try {
    const value = localStorage.getItem(key)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

let theme = stored()
const system = () => matchMedia('(prefers-color-scheme: dark)')

function apply(): void {
  const dark = theme === 'dark' || (theme === 'system' && system().matches)
  document.documentElement.classList.toggle('dark', dark)
  document.documentElement.classList.toggle('light', !dark)
  listeners.forEach((each) => each())
}

/** Chooses the colours, and keeps the choice in this browser. */
export function setTheme(next: Theme): void {
  theme = next
  try {
    if (next === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, next)
  } catch {
    // It lasts until the page is left, then.
  }
  apply()
}

/** Follows the system's scheme while it is the choice. Call once; the answer stops it. */
export function watchTheme(): () => void {
  const query = system()
  query.addEventListener('change', apply)
  return () => query.removeEventListener('change', apply)
}

/** The choice, and whether it is dark now. */
export function useTheme(): { theme: Theme; dark: boolean } {
  const dark = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => `${theme} ${String(document.documentElement.classList.contains('dark'))}`,
  )
  return { theme, dark: dark.endsWith('true') }
}
