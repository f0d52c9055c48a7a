/** An event of a stream as it arrived. */
export interface StreamEvent {
  event: string
  id: string
  data: string
}

/**
 * Reads server-sent events out of a body. The browser's EventSource would do, but it sends no
 * token and cannot say what was seen before; the format is the same.
 * `onBytes` is told of everything that arrives, comments too, which keep a stream alive.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, onBytes: () => void = () => undefined): AsyncGenerator<StreamEvent> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let current = { event: 'message', id: '', data: [] as string[] }
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      onBytes()
      rest += decoder.decode(value, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const text = line.endsWith('\r') ? line.slice(0, -1) : line
        if (text === '') {
          if (current.data.length > 0) yield { event: current.event, id: current.id, data: current.data.join('\n') }
          current = { event: 'message', id: current.id, data: [] }
          continue
        }
        const colon = text.indexOf(':')
        if (colon === 0) continue
        const name = colon < 0 ? text : text.slice(0, colon)
        const field = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '')
        if (name === 'event') current.event = field
        else if (name === 'id') current.id = field
        else if (name === 'data') current.data.push(field)
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
