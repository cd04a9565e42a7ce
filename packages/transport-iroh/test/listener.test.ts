import type { Endpoint, Incoming as StackIncoming, IncomingAddr } from '@number0/iroh/index.js'
import { describe, expect, it } from 'vitest'
import type { Incoming } from '@vudo/swarm'
import { MAX_UNVALIDATED_HANDSHAKES } from '../src/limits.ts'
import { acceptAll } from '../src/listener.ts'
import { never } from './nodes.ts'

interface Visitor {
  readonly from: IncomingAddr
  readonly isValidated?: boolean
}

/** A stack at whose door these stand, one after the other; `Error` is one that could not be taken. */
async function visit(bindAddress: string, visitors: readonly (Visitor | Error)[]) {
  const answers: string[] = []
  const accepted: Incoming[] = []
  const queue = [...visitors]
  const endpoint = {
    isClosed: () => false,
    async acceptNext() {
      // As the stack does: others get their turn.
      await new Promise((resolve) => setImmediate(resolve))
      const next = queue.shift() ?? null
      if (next instanceof Error) throw next
      return next && incoming(next, answers)
    },
  }
  await acceptAll({
    endpoint: endpoint as unknown as Endpoint,
    bindAddress,
    accept(one) {
      accepted.push(one)
      answers.push('accept')
      void one.open(never)
    },
    onLink: () => undefined,
  })
  return { answers, accepted }
}

function incoming({ from, isValidated = false }: Visitor, answers: string[]): StackIncoming {
  const fake = {
    remoteAddr: async () => from,
    remoteAddrValidated: async () => isValidated,
    refuse: async () => void answers.push('refuse'),
    retry: async () => void answers.push('retry'),
    // A handshake that never ends.
    accept: () => new Promise(() => undefined),
  }
  return fake as unknown as StackIncoming
}

const at = (addr: string): Visitor => ({ from: { kind: 'ip', addr } })

describe('the accept loop', () => {
  it('goes on after one that could not be taken', async () => {
    const { answers } = await visit('0.0.0.0', [new Error('broken'), at('10.0.0.1:1')])
    expect(answers).toEqual(['accept'])
  })

  it('counts IP addresses without ports, and peers behind a relay one by one', async () => {
    const relayed = { from: { kind: 'relay', addr: 'https://relay', endpointId: 'peer' } }
    const visitors = [at('10.0.0.1:1'), at('[2001:db8::1]:2'), relayed]
    const { accepted } = await visit('0.0.0.0', visitors)
    const keys = accepted.map(({ remoteAddress }) => remoteAddress)
    expect(keys).toEqual(['10.0.0.1', '2001:db8::1', 'peer'])
  })

  it('lets nobody in from outside when it listens for this machine only', async () => {
    const visitors = ['127.0.0.1:1', '[::1]:1', '10.0.0.1:1', '[2001:db8::1]:1'].map(at)
    expect((await visit('127.0.0.1', visitors)).answers).toEqual([
      'accept',
      'accept',
      'refuse',
      'refuse',
    ])
  })

  it('asks strangers for a proof of their address while many handshakes are under way', async () => {
    const crowd = Array.from({ length: MAX_UNVALIDATED_HANDSHAKES }, () => at('10.0.0.1:1'))
    const proven = { ...at('10.0.0.3:1'), isValidated: true }
    const { answers } = await visit('0.0.0.0', [...crowd, at('10.0.0.2:1'), proven])
    expect(answers.slice(crowd.length)).toEqual(['retry', 'accept'])
  })
})
