/** The ways that lead to a peer, over all transports, best first. */
import {
  isPeerId,
  type Address,
  type DialTarget,
  type PeerId,
  type Transport,
} from '@vudo/transport'
import { MAX_RACE_WAYS } from './limits.ts'
import type { PathScores } from './path-scores.ts'
import type { PeerBook } from './peer-book.ts'

/** One way to try. */
export interface DialWay {
  readonly transport: Transport
  /** An address, or the id of a peer that the transport can find by itself. */
  readonly target: DialTarget
  readonly expected: PeerId | undefined
  readonly isRelay: boolean
  /** Nobody but an unproven peer names the address. */
  readonly isHearsay: boolean
  /** The name of the way for its score. */
  readonly path: string
}

/** What ways are made from. */
export interface DialWaysInit {
  /** In the order of preference. */
  readonly transports: readonly Transport[]
  readonly book: PeerBook
  readonly scores: PathScores
}

/** An address leads over its own transport; a peer over its addresses, and over every transport that can find it. */
export function waysTo(
  target: DialTarget,
  expected: PeerId | undefined,
  init: DialWaysInit,
  nowMs: number,
): DialWay[] {
  const { transports, book, scores } = init
  const dialling = transports.filter(({ features }) => features.dials)
  const overAddress = (address: Address, peer: PeerId | undefined, isHearsay: boolean): DialWay[] =>
    dialling
      .filter(({ name }) => address.startsWith(`${name}://`))
      .map((transport) => way(transport, { target: address, expected: peer, isHearsay }))
  if (!isPeerId(target)) return overAddress(target, expected, false)
  const known = book
    .addresses(target)
    .flatMap(({ address, isHearsay }) => overAddress(address, target, isHearsay))
  const finding = dialling
    .filter(({ features }) => features.discovers)
    .map((transport) => way(transport, { target, expected: target, isHearsay: false }))
  const score = ({ transport, path }: DialWay): number =>
    scores.score(path, transports.indexOf(transport), nowMs)
  // Sorting is stable: among equals, the address that worked last and the peer's own order decide.
  return [...known, ...finding].toSorted((a, b) => score(b) - score(a)).slice(0, MAX_RACE_WAYS)
}

/** The name under which a way to a peer is scored. */
export function pathName(peerId: PeerId | undefined, target: DialTarget): string {
  return `${peerId ?? ''} ${target}`
}

function way(
  transport: Transport,
  rest: Pick<DialWay, 'target' | 'expected' | 'isHearsay'>,
): DialWay {
  const isRelay = transport.features.relays === true
  return { transport, ...rest, isRelay, path: pathName(rest.expected, rest.target) }
}
