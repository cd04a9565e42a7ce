import type { PeerId } from '@vudo/transport'
import type { Ack } from './document-heads.ts'
import { createCheckState, type CheckState } from './interval-check.ts'
import { KnownHeads } from './known-heads.ts'
import type { LinkId } from './replica-effects.ts'
import type { StorePosition } from './wire.ts'

/** An announcement of a peer that is not yet dealt with. */
export interface IncomingPage {
  readonly number: number
  readonly upTo: number
  /** Documents of which something is still missing here. */
  readonly open: Set<string>
  /** What was announced, in the order of the page; `undefined` where a record stands. */
  readonly entries: readonly (AnnouncedDocument | undefined)[]
  /** Places of documents that are here as announced. */
  readonly kept: Set<number>
}

/** What one entry of a page says of a document. */
export interface AnnouncedDocument {
  readonly id: string
  readonly heads: readonly string[]
}

/** An announcement without an answer. */
export interface OutgoingPage {
  readonly upTo: number
  readonly entries: readonly (AnnouncedDocument | undefined)[]
  /** Its documents are asked for at most once. */
  isTaken: boolean
}

/** What a peer has announced of a document. */
export interface Announced {
  readonly heads: readonly string[]
  /** What the peer was known to have stored of it then: what it has said since is newer than this. */
  readonly ackBefore: Ack | undefined
}

/** A document that was announced and has to be asked for. */
export interface Want {
  /** What the peer announced last. */
  heads: readonly string[]
  /** See {@link Announced}. */
  ackBefore: Ack | undefined
  /** How often it was asked for. */
  rounds: number
  isAsked: boolean
  /** It was asked for together with others of its page, as it is stored. */
  isTaken: boolean
}

/** A document on its way here, in parts. */
export interface Transfer {
  readonly id: string
  readonly totalBytes: number
  readonly parts: Uint8Array[]
  receivedBytes: number
  /** Bytes in {@link parts}. */
  heldBytes: number
  /** Nobody waits for it: its bytes are counted and dropped. */
  readonly isUnasked: boolean
}

/** A request that waits to be served. */
export interface Request {
  readonly heads: readonly string[]
  readonly have: readonly string[]
  /** The peer takes it as it is stored, unopened. */
  readonly isTaken?: boolean
}

/** A document that travels as live edits. */
export interface LiveDocument {
  /** The peer has everything of the document's log before this number, or it is on its way. */
  next: number
  /** Messages of edits that the peer has not said to have received. */
  unanswered: number
  /** Messages of edits that the peer has not said to have stored. */
  unstored: number
  /** The message that the peer answers at once: until then nothing is sent. */
  awaited: number | undefined
  /** It has changed meanwhile. */
  isDue: boolean
  /** It changes faster than the peer answers: each message is to be answered at once. */
  isBusy: boolean
}

/** Edits that the peer has not said to have stored. */
export interface SentEdits {
  readonly number: number
  readonly id: string
  /** Of the document with these edits. */
  readonly heads: readonly string[]
  isReceived: boolean
}

/** The last edits of a document that came from the peer and that it has not said to have stored itself. */
export interface TakenEdits {
  readonly number: number
  /** Changes of theirs on which nothing else builds. */
  readonly tips: readonly string[]
}

/** What is kept of ranges until they are answered. */
export interface SentRanges {
  /** Their ends. */
  readonly bounds: readonly string[]
  /** What arrived later is not in their hashes. */
  readonly durableArrival: number
}

/** How far edits are, by the numbers of their messages. */
export interface EditsProgress {
  readonly received: number
  readonly stored: number
  readonly saved: number
}

/** Everything that belongs to one channel; gone with it, except for the position. */
export interface PeerState {
  readonly link: LinkId
  readonly peerId: PeerId
  /** Its hello has arrived. */
  isReady: boolean
  /** The life of its store. */
  run: string
  /** What it understands, as its hello tells. Until then as in its last channel. */
  features: number
  /** It understands many documents in one message. */
  takesDocuments: boolean
  /** It understands bundles of changes. Until its hello as in its last channel. */
  takesBundles: boolean
  /** Authors whose certificates it has shown. */
  authors: readonly string[]
  /** Where we stand in its store. */
  position: StorePosition | undefined

  /** What is to be announced, in the order of arrival: `r` or `d` and a hash or an id. */
  readonly queue: Set<string>
  /** Records that it has sent itself, by hash, and whose signature it sent: it is not told them again. */
  readonly toldRecords: Map<string, string>
  /** Announcements without an answer, by their numbers. */
  readonly pagesInFlight: Map<number, OutgoingPage>
  nextPage: number
  announcedUpTo: number
  /** The last announcement said that nothing more is waiting. */
  saidLast: boolean

  readonly incoming: IncomingPage[]
  /** Announcements that are dealt with and not yet answered: the answer waits for a write. */
  owedPages: number
  lastIncomingPage: number
  /** Its last announcement said that nothing more is waiting. */
  heardLast: boolean
  readonly wants: Map<string, Want>
  wantsInFlight: number
  /** Requests of ours that it has neither answered nor refused. */
  answersDue: number

  readonly requests: Map<string, Request>
  isServing: boolean
  /** Small documents that are being read for it. */
  smallServed: number
  /** What was handed to the channel and not yet taken. */
  outgoingBytes: number
  outgoingMessages: number
  /** Bytes of its batches that are not complete, or wait for a document to be read. */
  incomingBytes: number
  /** Both ends hold enough for a comparison by ranges, and understand it. */
  comparesRanges: boolean
  /** Nothing is announced until the ranges have been compared. */
  isHolding: boolean
  /** The ranges that it was sent and has not answered, oldest first. */
  readonly sentRanges: SentRanges[]
  /** Whether both really hold the same: looked at now and then. */
  readonly check: CheckState
  /** It asked for a comparison while one was under way. */
  isCompareDue: boolean
  transfer: Transfer | undefined

  /** What it has of a document in memory, as far as it told. */
  readonly headsById: KnownHeads
  /** What it was last told to be stored here. */
  readonly storedById: KnownHeads
  /** Documents whose changes it gets as live edits. */
  readonly live: Map<string, LiveDocument>
  /** Documents with much that it lacks, which wait for what it may send of them with its hello. */
  readonly withheld: Set<string>
  /** Messages of edits that went to it. */
  editsSent: number
  /** The oldest first. */
  sentEdits: SentEdits[]
  /** Edits that went to it are durable here, up to this message. */
  savedUpTo: number
  /** Messages of edits that came from it. */
  editsTaken: number
  /** Messages of edits of both ends when the timer ran out last. */
  travelledBefore: number
  /** Those that wait for their document to be read, in the order in which they came. */
  readonly editsUnderWay: Set<number>
  /** Edits that came from it are durable here, up to this message. */
  storedUpTo: number
  /** Edits that came from it are durable there, up to this message, as it has said. */
  savedThere: number
  readonly takenById: Map<string, TakenEdits>
  /** Which of the newest changes of a document it has stored, as far as they travelled live. */
  readonly confirmedById: KnownHeads
  /** What it was told of all this. */
  answered: EditsProgress
  /** It waits until so much is stored. */
  hurried: Pick<EditsProgress, 'stored' | 'saved'>
  /** Documents whose stored state it waits for. */
  readonly owedStored: Set<string>
  /** Documents that it did not take. */
  readonly refused: Set<string>
  /** Documents that are not merged with it any more: together they would be too large, and they only grow. */
  readonly oversized: Set<string>
  faults: number
  fruitless: number
  hasTimer: boolean
}

/** The state of a channel that has just opened. */
export function createPeerState(
  link: LinkId,
  peerId: PeerId,
  position: StorePosition | undefined,
): PeerState {
  return {
    link,
    peerId,
    isReady: false,
    run: '',
    features: 0,
    takesDocuments: false,
    takesBundles: false,
    authors: [],
    position,
    queue: new Set(),
    toldRecords: new Map(),
    pagesInFlight: new Map(),
    nextPage: 1,
    announcedUpTo: 0,
    saidLast: false,
    incoming: [],
    owedPages: 0,
    lastIncomingPage: 0,
    heardLast: false,
    wants: new Map(),
    wantsInFlight: 0,
    answersDue: 0,
    requests: new Map(),
    isServing: false,
    smallServed: 0,
    outgoingBytes: 0,
    outgoingMessages: 0,
    incomingBytes: 0,
    comparesRanges: false,
    isHolding: false,
    sentRanges: [],
    check: createCheckState(),
    isCompareDue: false,
    transfer: undefined,
    headsById: new KnownHeads(),
    storedById: new KnownHeads(),
    ...noEdits(),
    owedStored: new Set(),
    refused: new Set(),
    oversized: new Set(),
    faults: 0,
    fruitless: 0,
    hasTimer: false,
  }
}

type TravelledEdits = Pick<
  PeerState,
  | 'live'
  | 'withheld'
  | 'editsSent'
  | 'sentEdits'
  | 'savedUpTo'
  | 'editsTaken'
  | 'travelledBefore'
  | 'editsUnderWay'
  | 'storedUpTo'
  | 'savedThere'
  | 'takenById'
  | 'confirmedById'
  | 'answered'
  | 'hurried'
>

/** Nothing has travelled live. */
function noEdits(): TravelledEdits {
  return {
    live: new Map(),
    withheld: new Set(),
    editsSent: 0,
    sentEdits: [],
    savedUpTo: 0,
    editsTaken: 0,
    travelledBefore: 0,
    editsUnderWay: new Set(),
    storedUpTo: 0,
    savedThere: 0,
    takenById: new Map(),
    confirmedById: new KnownHeads(),
    answered: { received: 0, stored: 0, saved: 0 },
    hurried: { stored: 0, saved: 0 },
  }
}
