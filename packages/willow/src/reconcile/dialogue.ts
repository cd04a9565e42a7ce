import { range3dIncludes, range3dIncludesEntry, type Range3d } from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { willowError } from '../errors.ts'
import {
  FINGERPRINT_BYTES,
  MAX_OPEN_RANGE_BYTES,
  MAX_OPEN_RANGES,
  MAX_RECONCILE_DEPTH,
  MAX_RECONCILE_RANGES,
  RECONCILE_ID_MEMORY_BYTES,
} from '../limits.ts'
import type { ReceivedEntry } from './entry-stream.ts'
import { idsOfBits } from './id-bits.ts'
import { OpenRanges, sizeOfRange } from './open-ranges.ts'
import type { ReconcileItem } from './reconcile-wire.ts'
import { Tiling } from './tiling.ts'

/** Something that one end asked and the other has to answer. */
export type Question =
  | {
      readonly type: 'fingerprint'
      readonly range: Range3d
      readonly fingerprint: Uint8Array
      readonly depth: number
    }
  /** In the order in which they were named. */
  | { readonly type: 'ids'; readonly range: Range3d; readonly ids: ReadonlySet<string> }
  | { readonly type: 'wants'; readonly range: Range3d; readonly ids: ReadonlySet<string> }

/** What of a reconciliation says which questions can be asked. */
export interface DialogueInit {
  readonly namespaceId: Uint8Array
  readonly range: Range3d
  readonly isInitiator: boolean
}

/**
 * What the two ends of a reconciliation have asked each other and not answered. It takes what
 * the peer says as far as that is an answer to something, or a question that it may ask, and
 * bounds what waits.
 *
 * What waits is bounded by a limit that ends the reconciliation, and not by reading no more from
 * the peer: two honest ends that both have much to answer would then wait for each other.
 */
export class Dialogue {
  readonly #init: DialogueInit
  /** What this end asked, oldest first. */
  readonly #asked = new OpenRanges<Question>()
  /** What the peer asked. */
  readonly #toAnswer = new OpenRanges<Question>()
  #tiling: Tiling | undefined
  #hasLastRoot = false
  #receivedRanges = 0

  constructor(init: DialogueInit) {
    this.#init = init
  }

  /** The peer's next question. */
  get next(): Question | undefined {
    return this.#toAnswer.first
  }

  /** The question of this end that the peer answers next, or is answering. */
  get awaited(): Question | undefined {
    return this.#asked.first
  }

  /** Whether the initiator has asked about everything. */
  get hasLastRoot(): boolean {
    return this.#hasLastRoot
  }

  /** This end asks. @throws `WillowError` `ERR_WILLOW_SYNC_LIMIT`. */
  ask(question: Question): void {
    push(this.#asked, question)
  }

  /** This end, the initiator, asks about all of a piece. Throws as {@link Dialogue.ask}. */
  askRoot(range: Range3d, fingerprint: Uint8Array, isLast: boolean): void {
    this.#hasLastRoot = isLast
    this.ask({ type: 'fingerprint', range, fingerprint, depth: 0 })
  }

  /** This end has answered the peer's next question. */
  answered(): Question | undefined {
    return this.#toAnswer.shift()
  }

  /** The peer says something else than an entry. @throws `WillowError` for a fault, or a limit. */
  hear(item: Exclude<ReconcileItem, { readonly type: 'entry' }>): void {
    if (this.#tiling !== undefined && item.type !== 'part') throw fault('parts without an end')
    switch (item.type) {
      case 'root':
        return this.#root(item)
      case 'equal':
        this.#fingerprintAnswered()
        return
      case 'part':
        return this.#part(item)
      case 'ids': {
        const { range } = this.#fingerprintAnswered()
        return this.#take({ type: 'ids', range, ids: new Set(item.ids) })
      }
      case 'end':
        return this.#end(item.bits)
    }
  }

  /** The peer sends an entry. @throws `WillowError` when it answers nothing. */
  hearEntry({ entry }: ReceivedEntry): void {
    const question = this.#asked.first
    const isAsked = question !== undefined && expectsEntries(question)
    if (!isAsked || this.#tiling !== undefined) throw fault('an entry that nobody asked for')
    const isInside =
      bytesEqual(entry.namespaceId, this.#init.namespaceId) &&
      range3dIncludesEntry(question.range, entry)
    if (!isInside) throw fault('an entry outside of its range')
  }

  #root({ range, fingerprint, isLast }: ReconcileItem & { readonly type: 'root' }): void {
    const isOpen = this.#asked.length + this.#toAnswer.length > 0
    if (this.#init.isInitiator || this.#hasLastRoot || isOpen) throw fault('a root out of turn')
    if (!range3dIncludes(this.#init.range, range)) throw fault('a root outside of the area')
    this.#hasLastRoot = isLast
    this.#take({ type: 'fingerprint', range, fingerprint, depth: 0 })
  }

  #part({ range, fingerprint, isLast }: ReconcileItem & { readonly type: 'part' }): void {
    const whole = this.#asked.first
    if (whole?.type !== 'fingerprint') throw fault('parts of nothing that was asked')
    if (whole.depth >= MAX_RECONCILE_DEPTH) throw limit('levels of parts', MAX_RECONCILE_DEPTH)
    this.#tiling ??= new Tiling(whole.range)
    if (!this.#tiling.add(range, isLast)) throw fault('parts that do not tile their range')
    this.#take({ type: 'fingerprint', range, fingerprint, depth: whole.depth + 1 })
    if (!isLast) return
    this.#tiling = undefined
    this.#asked.shift()
  }

  #end(bits: Uint8Array): void {
    const question = this.#asked.shift()
    if (question === undefined || !expectsEntries(question)) throw fault('an end of nothing')
    const ids = idsOfBits(bits, question.type === 'ids' ? [...question.ids] : [])
    if (ids === undefined) throw fault('a wish for what was not named')
    if (ids.length === 0) return
    this.#take({ type: 'wants', range: question.range, ids: new Set(ids) })
  }

  #fingerprintAnswered(): Question {
    const question = this.#asked.shift()
    if (question?.type === 'fingerprint') return question
    throw fault('an answer to nothing that was asked')
  }

  /** Notes a question of the peer. */
  #take(question: Question): void {
    this.#receivedRanges += 1
    if (this.#receivedRanges > MAX_RECONCILE_RANGES) throw limit('ranges', MAX_RECONCILE_RANGES)
    push(this.#toAnswer, question)
  }
}

const noFingerprint = new Uint8Array(FINGERPRINT_BYTES)

/** Tells whether a fingerprint is that of no entries at all. */
export function isOfNothing(fingerprint: Uint8Array): boolean {
  return bytesEqual(fingerprint, noFingerprint)
}

/** The error of a peer that needs more than it may. */
export function limit(what: string, most: number): Error {
  return willowError('ERR_WILLOW_SYNC_LIMIT', `the peer needs more than ${most} ${what}`)
}

function push(open: OpenRanges<Question>, question: Question): void {
  open.push(question, sizeOfQuestion(question))
  if (open.length > MAX_OPEN_RANGES) throw limit('open ranges', MAX_OPEN_RANGES)
  if (open.bytes > MAX_OPEN_RANGE_BYTES) throw limit('bytes of open ranges', MAX_OPEN_RANGE_BYTES)
}

/** Bytes that a question takes in memory, about. */
function sizeOfQuestion(question: Question): number {
  const ids = question.type === 'fingerprint' ? 0 : question.ids.size
  return sizeOfRange(question.range) + RECONCILE_ID_MEMORY_BYTES * ids
}

/** Whether a question is answered by entries: a fingerprint is when the asker has nothing. */
function expectsEntries(question: Question): boolean {
  return question.type !== 'fingerprint' || isOfNothing(question.fingerprint)
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}
