import { useSyncExternalStore } from 'react'

// A token is kept for this tab alone and goes with it.
const key = 'etlportal.token'
const listeners = new Set<() => void>()
let asked = false

function stored(): string {
  try {
    return sessionStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}
let token = stored()

/** The API token of this tab; empty without one. */
export function currentToken(): string {
  return token
}

/** Takes a token for this tab; an empty one signs out. */
export function setToken(next: string): void {
  token = next
  asked = false
  try {
    if (next) sessionStorage.setItem(key, next)
    else sessionStorage.removeItem(key)
  } catch {
    // It lasts until the page is left, then.
  }
  listeners.forEach((each) => each())
}

/** The portal refused a request for want of a token. */
export function askForToken(): void {
  if (asked) return
  asked = true
  listeners.forEach((each) => each())
}

/** Whether the portal asks for a token. */
export function useTokenAsked(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => asked,
  )
}
