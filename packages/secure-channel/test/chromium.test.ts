/** A node with `node:crypto` and a page of Chromium understand each other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, openChromium, type TestBrowser, type TestPage } from '@vudo/chromium'
import { bytesToHex } from '@vudo/wire'
import { createX25519KeyPair } from '#crypto'
import { createHandshake, type Handshake } from '../src/handshake.ts'
import type * as handshakePage from './handshake-page.ts'
import { alice, bob } from './pair.ts'

const nothing = new Uint8Array()

describe.skipIf(!hasChromium)('a node and a page', () => {
  let browser: TestBrowser
  let page: TestPage<typeof handshakePage>

  beforeAll(async () => {
    browser = await openChromium(new URL('./handshake-page.ts', import.meta.url))
    page = await browser.open()
  }, 120_000)

  afterAll(() => browser.close())

  it.each([true, false])(
    'prove their keys and read each other; the node dials: %s',
    async (dials) => {
      const node = begin(dials)
      const pageId = await page.call('begin', !dials, alice.peerId)
      for (let step = 0; step < 3; step++) {
        const isOurs = (step % 2 === 0) === dials
        if (isOurs) await page.call('read', node.write())
        else node.read(await page.call('write'))
      }
      const [here, there] = [node.finish(), await page.call('finish')]
      expect([here.peerId, there.peerId]).toEqual([pageId, alice.peerId])
      expect(bytesToHex(here.hash)).toBe(there.hash)
      for (const length of [0, 5, 65_519]) {
        const message = new Uint8Array(length).fill(length)
        const sealed = await page.call('encrypt', message)
        expect(Uint8Array.from(here.receive.decrypt(nothing, sealed))).toEqual(message)
        const back = Uint8Array.from(here.send.encrypt(nothing, [message]))
        expect(await page.call('decrypt', back)).toEqual(message)
        here.send.rekey()
        here.receive.rekey()
        await page.call('rekey')
      }
    },
  )

  it('a page refuses another key than the one it expects', async () => {
    const node = begin(false)
    await page.call('begin', true, bob.peerId)
    node.read(await page.call('write'))
    await expect(page.call('read', node.write())).rejects.toThrow('expected')
  })

  it('a page refuses a message of which one bit is flipped', async () => {
    const node = begin(false)
    await page.call('begin', true)
    node.read(await page.call('write'))
    const message = node.write()
    await expect(page.call('read', message.with(100, (message[100] ?? 0) ^ 1))).rejects.toThrow(
      'altered',
    )
  })
})

/** The node's end. */
function begin(initiator: boolean): Handshake {
  return createHandshake({ key: alice, initiator, staticKey: createX25519KeyPair() })
}
