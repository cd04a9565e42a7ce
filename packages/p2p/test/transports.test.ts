import { describe, expect, it, onTestFinished } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import type { P2POptions } from '@vudo/p2p'
import { createTransportContext } from '@vudo/secure-channel'
import { parseP2POptions } from '../src/options.ts'
import { openTransports } from '../src/transports.ts'

/** The transports that a node with these options has. */
async function namesWith(options: P2POptions = {}): Promise<string[]> {
  const context = createTransportContext(createNodeKey())
  const transports = await openTransports(parseP2POptions(options), context)
  onTestFinished(async () => void (await Promise.all(transports.map((one) => one.disconnect()))))
  return transports.map(({ name }) => name)
}

describe('the transports of a node', () => {
  it('are TCP alone unless more is asked for or imported', async () => {
    expect(await namesWith()).toEqual(['tcp'])
  })

  it('are loaded by name, in the order given', async () => {
    expect(await namesWith({ transports: ['iroh', 'tcp'] })).toEqual(['iroh', 'tcp'])
    // Imported now, so that auto takes part in it too, in its own order.
    expect(await namesWith()).toEqual(['tcp', 'iroh'])
  })

  it('include libp2p, or not, as the option of that name says', async () => {
    expect(await namesWith({ enableLibp2p: true })).toContain('libp2p')
    expect(await namesWith({ enableLibp2p: false })).not.toContain('libp2p')
  })

  it('say how to install what is missing', async () => {
    await expect(namesWith({ transports: ['tcp', 'carrier-pigeon'] })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_MISSING',
      hint: expect.stringContaining('npm i @vudo/transport-carrier-pigeon'),
    })
  })

  it('need bootstrap nodes where the stack has a hash table of its own only', async () => {
    await expect(namesWith({ transports: ['hyperswarm'] })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
  })
})
