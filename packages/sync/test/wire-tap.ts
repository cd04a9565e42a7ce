/** Looks at what travels between the replicas of a lab: for the tests of this package. */
import { inflateRawSync } from 'node:zlib'
import * as Automerge from '@automerge/automerge'
import { isBundleChunk, readChanges, vetBundle } from '../src/automerge-chunks.ts'
import { readChangeTable } from '../src/change-table.ts'
import { decodeEdits } from '../src/edits-wire.ts'
import { decodeBatch, type ChangeBatch } from '../src/batch-wire.ts'
import { decodeMessage, type SyncMessage } from '../src/wire.ts'

/** What travelled since the last `reset`. */
export interface WireTap {
  /** For `LabInit.tamper`: passes everything on. */
  readonly tamper: (bytes: Uint8Array, from: string) => Uint8Array
  readonly bytes: number
  /** The names of the messages, each with its sender: `a page`. */
  readonly names: readonly string[]
  /** Changes in all batches, those in saved documents included. */
  readonly changes: number
  /** Who said last how far edits are, and what of them it has received and stored: `b 2 1`. */
  readonly progress: string | undefined
  /** Entries of all pages. */
  readonly entries: number
  reset(): void
}

/** A tap that has seen nothing yet. Batches of more than one message are not looked into. */
export function createWireTap(): WireTap {
  let [bytes, changes, entries] = [0, 0, 0]
  const names: string[] = []
  let progress: string | undefined
  return {
    tamper: (message, from) => {
      bytes += message.length
      const decoded = decodeMessage(message)
      names.push(`${from} ${decoded.type}`)
      if (decoded.type === 'page') entries += decoded.entries.length
      if (decoded.type === 'part') changes += changesIn(decoded)
      if (decoded.type === 'edits') changes += changesOf(decodeEdits(decoded.bytes))
      if (decoded.type === 'progress') progress = `${from} ${decoded.received} ${decoded.stored}`
      return message
    },
    get bytes() {
      return bytes
    },
    get entries() {
      return entries
    },
    get names() {
      return [...names]
    },
    get progress() {
      return progress
    },
    get changes() {
      return changes
    },
    reset() {
      bytes = 0
      changes = 0
      entries = 0
      names.length = 0
      progress = undefined
    },
  }
}

function changesIn(part: SyncMessage & { type: 'part' }): number {
  if (part.bytes.length !== part.totalBytes) throw new Error('a batch of several parts')
  return changesOf(decodeBatch(part.bytes))
}

function changesOf(batch: ChangeBatch): number {
  if (!batch.isSaved) return rawChangesIn(batch)
  const doc = Automerge.load(batch.payload)
  const { numChanges } = Automerge.stats(doc)
  Automerge.free(doc)
  return numChanges
}

function rawChangesIn({ payload, isDeflated }: ChangeBatch): number {
  if (isBundleChunk(payload)) return readChangeTable(vetBundle(payload).table).rows
  return readChanges(isDeflated ? inflateRawSync(payload) : payload).length
}
