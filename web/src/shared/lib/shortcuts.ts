import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'

/** A key binding as the help shows it. */
export interface Shortcut {
  /** Keys in order: "?", "g f", "mod+k" (Ctrl, or Command on a Mac). */
  keys: string
  /** What it does, as a person would say it. */
  label: string
  /** Where it is listed in the help. */
  group: string
}

type Bound = Shortcut & { run: (event: KeyboardEvent) => void }

const bound = new Set<Bound>()
const listeners = new Set<() => void>()
const storage = 'etlportal.shortcuts'
const pause = 1200

let listed: Shortcut[] = []
let enabled = readEnabled()
let pending = ''
let pendingSince = 0

function readEnabled(): boolean {
  try {
    return localStorage.getItem(storage) !== 'off'
  } catch {
    return true
  }
}

function changed(): void {
  const seen = new Map<string, Shortcut>()
  for (const { keys, label, group } of bound) seen.set(`${group} ${keys}`, { keys, label, group })
  listed = [...seen.values()]
  listeners.forEach((each) => each())
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Says whether single keys act as shortcuts, and keeps it in this browser. */
export function setShortcutsEnabled(on: boolean): void {
  enabled = on
  try {
    if (on) localStorage.removeItem(storage)
    else localStorage.setItem(storage, 'off')
  } catch {
    // It lasts until the page is left, then.
  }
  listeners.forEach((each) => each())
}

/** Whether single keys act as shortcuts; combinations with Ctrl or Command always do. */
export function useShortcutsEnabled(): boolean {
  return useSyncExternalStore(subscribe, () => enabled)
}

/** The shortcuts of the page shown. */
export function useShortcutList(): Shortcut[] {
  return useSyncExternalStore(subscribe, () => listed)
}

/**
 * Binds keys while the component is mounted and active. Nothing happens while a
 * person types in a field or a dialog is open, but for combinations with "mod+".
 */
export function useShortcut(keys: string, label: string, group: string, run: (event: KeyboardEvent) => void, active = true): void {
  const handler = useEffectEvent(run)
  useEffect(() => {
    if (!active) return
    const entry: Bound = { keys, label, group, run: (event) => handler(event) }
    bound.add(entry)
    changed()
    return () => {
      bound.delete(entry)
      changed()
    }
  }, [keys, label, group, active])
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

function find(keys: string): Bound | undefined {
  return [...bound].findLast((each) => each.keys === keys)
}

/** Handles a key; the shell calls it for every keydown of the window. */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  if (event.ctrlKey || event.metaKey) {
    const match = event.altKey ? undefined : find(`mod+${event.key.toLowerCase()}`)
    if (match) {
      event.preventDefault()
      match.run(event)
    }
    return
  }
  if (!enabled || event.altKey || event.key.length > 1 || typing(event.target) || document.querySelector('[role=dialog],[role=alertdialog],[role=menu]')) return
  const now = event.timeStamp
  const sequence = pending && now - pendingSince < pause ? `${pending} ${event.key}` : event.key
  pending = ''
  const match = find(sequence) ?? find(event.key)
  if (match) {
    event.preventDefault()
    match.run(event)
  } else if ([...bound].some((each) => each.keys.startsWith(`${event.key} `))) {
    pending = event.key
    pendingSince = now
  }
}

/** Keys as they stand on the keyboard: "mod+k" → ["Ctrl", "K"]. */
export function keyLabels(keys: string): string[] {
  const mac = /Mac|iPhone|iPad/.test(navigator.userAgent)
  return keys.split(/[ +]/).map((key) => (key === 'mod' ? (mac ? '⌘' : 'Ctrl') : key.length === 1 ? key.toUpperCase() : key))
}
