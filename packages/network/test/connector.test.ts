/** The connector over connections that a test holds in its hand, so that it can say when what comes. */
import type { CloseReason, Connection } from '@vudo/transport'
import { describe, expect, it } from 'vitest'
import { Admission } from '../src/admission.ts'
import { Connector } from '../src/connector.ts'
import { PathScores } from '../src/path-scores.ts'
import { PeerBook } from '../src/peer-book.ts'
import { Tasks } from '../src/waiting.ts'
import { createHandshakes } from './handshakes.ts'

const [self, peerId] = ['1'.repeat(64), '2'.repeat(64)]

/** A connection on which the far end says `arrive` when the test likes. */
function held(outbound: boolean) {
  const arriving = Promise.withResolvers<Uint8Array>()
  const asked = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<CloseReason>()
  const sent: Uint8Array[] = []
  const connection: Connection = {
    peerId,
    path: { transport: 'held', relayed: false, outbound },
    send: async (message) => void sent.push(message.slice()),
    receive: () => {
      asked.resolve()
      return arriving.promise
    },
    close: async (error) => ended.resolve({ clean: true, error }),
    closed: ended.promise,
    async *[Symbol.asyncIterator]() {},
  }
  return { connection, sent, arrive: arriving.resolve, asked: asked.promise }
}

function connectorWith(admission: Admission) {
  const handshakes = createHandshakes(self)
  const accepted: Connection[] = []
  const refused: string[] = []
  const connector = new Connector<number>({
    handshakes,
    admission,
    transports: [],
    book: new PeerBook(() => 0),
    scores: new PathScores(),
    tasks: new Tasks(),
    connectionTimeoutMs: 1_000,
    now: () => 0,
    signal: new AbortController().signal,
    maxPending: 10,
    onAccepted: (connection) => accepted.push(connection),
    onDuplicate: async () => undefined,
    onRefused: (_, { code }) => refused.push(code),
  })
  return { connector, handshakes, accepted, refused }
}

const nonce = new Uint8Array(32).fill(9)

/** Who may come in changes while the handshake waits for its next message. */
const changes: readonly (readonly [string, (admission: Admission) => void])[] = [
  ['blocked', (admission) => admission.setLists({ block: [peerId] })],
  ['not on the list of those allowed', (admission) => admission.setLists({ allow: [] })],
  ['banned', (admission) => admission.fault(peerId, 0)],
]

describe.each(changes)('a peer that is %s while its handshake waits', (_name, change) => {
  it('gets no session with the hello that it held back', async () => {
    const admission = new Admission({})
    const { connector, handshakes, accepted, refused } = connectorWith(admission)
    const { connection, sent, arrive, asked } = held(false)
    const adopting = connector.adopt(connection)
    await asked
    change(admission)
    arrive(createHandshakes(peerId).hello(self, nonce).frame)
    await expect(adopting).rejects.toMatchObject({ code: 'ERR_PEER_BLOCKED' })
    expect([accepted, refused, sent]).toEqual([[], ['ERR_PEER_BLOCKED'], []])
    expect(handshakes.sessions.size).toBe(0)
    expect((await connection.closed).error).toMatchObject({ code: 'ERR_PEER_BLOCKED' })
  })

  it('gets none with the answer to a dial either', async () => {
    const admission = new Admission({})
    const { connector, handshakes, accepted } = connectorWith(admission)
    const { connection, sent, arrive, asked } = held(true)
    const adopting = connector.adopt(connection)
    await asked
    change(admission)
    const [hello = nonce] = sent
    const answer = createHandshakes(peerId).answer(self, hello, nonce, 0)
    arrive(answer.reply!)
    await expect(adopting).rejects.toMatchObject({ code: 'ERR_PEER_BLOCKED' })
    expect(accepted).toEqual([])
    expect(handshakes.sessions.size).toBe(0)
  })
})

describe('a peer that stays admitted', () => {
  it.each([true, false])('gets its session, dialled by us: %s', async (outbound) => {
    const { connector, accepted } = connectorWith(new Admission({}))
    const { connection, sent, arrive, asked } = held(outbound)
    const adopting = connector.adopt(connection)
    await asked
    const far = createHandshakes(peerId)
    const [hello = nonce] = sent
    arrive(outbound ? far.answer(self, hello, nonce, 0).reply! : far.hello(self, nonce).frame)
    expect(await adopting).toBe(1)
    expect(accepted).toEqual([connection])
  })
})
