import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
let current = Date.now()

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    current = Date.now()
    timer = setInterval(() => {
      current = Date.now()
      listeners.forEach((each) => each())
    }, 1000)
  }
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) clearInterval(timer)
  }
}
const never = () => () => undefined

/** The time in milliseconds, anew every second while active; one timer serves all. */
export function useNow(active = true): number {
  return useSyncExternalStore(active ? subscribe : never, () => current)
}
