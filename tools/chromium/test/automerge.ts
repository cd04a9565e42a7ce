import * as Automerge from '@automerge/automerge'

/** What Automerge reads of what it wrote: its wasm runs here. */
export function automergeText(text: string): string {
  const saved = Automerge.save(Automerge.from({ text }))
  return Automerge.load<{ text: string }>(saved).text
}
