import { createPipePair } from '@vudo/testing'
import type { Connection } from '@vudo/transport'

/** One end as the loop transport hands it up, with the lies that concern single connections. */
export function createLoopConnection(end: Connection, breaks: string | undefined): Connection {
  const { outbound } = end.path
  const lies = createLies(end, breaks)
  return {
    peerId: breaks === 'proven-peer-id' && !outbound ? 'f'.repeat(64) : end.peerId,
    path: { transport: 'loop', relayed: false, outbound },
    send: lies.send,
    receive: (options) => end.receive(options),
    async openPipe() {
      const [pipe] = createPipePair()
      return { ...pipe, close: () => (breaks === 'pipes' ? end.close() : pipe.close()) }
    },
    close: lies.close,
    closed: end.closed,
    async *[Symbol.asyncIterator]() {
      for (let message = await end.receive(); message; message = await end.receive()) yield message
    },
  }
}

function createLies(
  end: Connection,
  breaks: string | undefined,
): Pick<Connection, 'send' | 'close'> {
  let sent = 0
  let held: Uint8Array | undefined
  const liars: Record<string, Connection['send']> = {
    'both-directions': async (message) => {
      if (end.path.outbound) await end.send(message)
    },
    'message-sizes': (message) => end.send(message.subarray(0, 65_534)),
    'message-size-refused': async (message) => {
      if (message.length > 0) await end.send(message)
    },
    'no-duplicates': async (message) => {
      await end.send(message)
      if (++sent % 50 === 0) await end.send(message)
    },
    order: async (message) => {
      if (++sent % 50 === 0) held = message.slice()
      else await end.send(message)
      if (held && sent % 50 === 1) {
        await end.send(held)
        held = undefined
      }
    },
    'clean-close': async (message) => {
      // Takes over what it never sends.
      if (++sent < 3) await end.send(message)
    },
  }
  return {
    send: liars[breaks ?? ''] ?? ((message, options) => end.send(message, options)),
    close: (reason) => end.close(reason),
  }
}
