/** Peers that name documents without end: for the tests of this package. */
import { MAX_PAGE_ENTRIES } from '../src/limits.ts'
import { encodeMessage, type PageEntry, type SyncMessage } from '../src/wire.ts'
import { Lab, type Node } from './replica-lab.ts'

/** What a flood came to. */
export interface Flood {
  readonly lab: Lab
  readonly victim: Node
  /** What is more than before: known documents and records, and keys on the disk. */
  readonly left: { readonly documents: number; readonly records: number; readonly keys: number }
  /** By so much the resident memory of this process has grown. */
  readonly grownBytes: number
}

/** Announces so many documents that nobody knows, in pages as full as they may be. */
export function announceUnknown(count: number): Flood {
  return flood((attack) => {
    const heads = ['ab'.repeat(32)]
    for (let page = 0; page * MAX_PAGE_ENTRIES < count; page++) {
      const entries = Array.from({ length: MAX_PAGE_ENTRIES }, (_, at): PageEntry => {
        return { type: 'document', id: idOf(page * MAX_PAGE_ENTRIES + at), heads }
      })
      // The first page went before the flood. It stands where it stood: its place in the other's store is one key.
      attack.tell({
        type: 'page',
        number: page + 2,
        upTo: 0,
        isLast: false,
        entries,
        signatures: Uint8Array.of(0),
      })
      attack.lab.settle()
    }
  })
}

/** Asks for so many documents that nobody knows. */
export function requestUnknown(count: number): Flood {
  return flood((attack) => {
    for (let told = 0; told < count; told++) {
      attack.tell({ type: 'want', id: idOf(told), heads: [], have: [] })
      if (told % 500 === 0) attack.lab.settle()
    }
    attack.lab.settle()
  })
}

/** What an honest peer gets there, and gives: in this order. */
export function serveHonest(lab: Lab, victim: Node): unknown[] {
  const honest = lab.node('honest')
  honest.edit('notes/y', (doc) => (doc.text = 'well'))
  lab.connect(honest, victim)
  lab.settle()
  return [victim.read('notes/y'), honest.read('notes/own')]
}

function flood(run: (attack: Attack) => void): Flood {
  const attack = new Attack()
  const { lab, victim } = attack
  const [before, rss] = [attack.held, process.memoryUsage().rss]
  run(attack)
  const grownBytes = process.memoryUsage().rss - rss
  const after = attack.held
  const left = {
    documents: after.documents - before.documents,
    records: after.records - before.records,
    keys: after.keys - before.keys,
  }
  return { lab, victim, left, grownBytes }
}

/** A victim that has a document, and a peer that says what it likes. */
class Attack {
  readonly lab = new Lab()
  readonly victim: Node = this.lab.node('victim')
  readonly #link = 1_000

  constructor() {
    this.victim.edit('notes/own', (doc) => (doc.text = 'mine'))
    this.lab.settle()
    const { peerId } = this.lab.node('mallory')
    this.victim.input({ type: 'peer-connected', link: this.#link, peerId })
    const position = { run: '00'.repeat(16), arrival: 0 }
    this.tell({ type: 'hello', run: '11'.repeat(16), position, certificates: [] })
    this.tell({
      type: 'page',
      number: 1,
      upTo: 0,
      isLast: false,
      entries: [],
      signatures: Uint8Array.of(0),
    })
    this.lab.settle()
  }

  /** Says it as long as the victim listens, and takes whatever it is told. */
  tell(message: SyncMessage): void {
    const link = this.#link
    const peer = this.victim.replica.exchange.peers.get(link)
    if (!peer) throw new Error(`the victim ended the channel: ${this.victim.disconnects.join()}`)
    this.victim.input({ type: 'peer-message', link, bytes: encodeMessage(message) })
    const { outgoingBytes: bytes } = peer
    if (bytes > 0) this.victim.input({ type: 'peer-sent', link, bytes })
  }

  /** What of an attack could be left on the disk and in the tables. */
  get held(): { documents: number; records: number; keys: number } {
    const { victim } = this
    return {
      documents: [...victim.replica.documents()].length,
      records: victim.replica.recordsByHash.size,
      keys: victim.disk.scan(new Uint8Array()).length,
    }
  }
}

function idOf(at: number): string {
  return at.toString(16).padStart(32, '0')
}
