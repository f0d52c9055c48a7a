const window = 8_000

/** Bytes per second over the last eight seconds, so that one slow moment does not make the estimate jump. */
export class Speedometer {
  #samples: { at: number; bytes: number }[] = []

  /** Forgets what was: after a pause, the time of the pause counts for nothing. */
  reset(): void {
    this.#samples = []
  }

  add(bytes: number, at: number = performance.now()): void {
    const last = this.#samples.at(-1)
    if (last && bytes < last.bytes) this.reset() // a part that failed goes up again
    this.#samples.push({ at, bytes })
    while (this.#samples.length > 2 && (this.#samples[0]?.at ?? at) < at - window) this.#samples.shift()
  }

  /** Null before two samples tell something. */
  get perSecond(): number | null {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (!first || !last || last.at - first.at < 200) return null
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }
}
