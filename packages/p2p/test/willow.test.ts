import { access } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { openMemoryStore } from '@vudo/storage'
import { parseP2POptions } from '../src/options.ts'
import { openWillowOf } from '../src/willow.ts'
import { createNode, createNodeIn, freshFolder } from './nodes.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('a node with Willow', () => {
  it('writes, reads and erases', async () => {
    const node = await createNode({ willow: true })
    const willow = node.willow()
    const app = await willow.mapNamespace('myapp.v1')
    await willow.writeEntry(app, willow.userId, ['notes', 'one'], utf8('hello'))
    expect(await willow.readEntry(app, willow.userId, 'notes/one')).toEqual(utf8('hello'))
    const receipt = await willow.erase('notes', { reason: 'tidying' })
    expect(String(receipt)).toBe('Erased on 1 of 1 known device.')
    expect(await willow.readEntry(app, willow.userId, 'notes/one')).toBeUndefined()
  })

  it('signs with a key of its own', async () => {
    const node = await createNode({ willow: true })
    const { userId } = node.willow()
    expect(userId).toMatch(/^[0-9a-f]{64}$/)
    expect([node.peerId, node.authorId]).not.toContain(userId)
  })

  it('keeps entries and key in its data directory', async () => {
    const dataDir = await freshFolder()
    const first = await createNodeIn(dataDir, { willow: true })
    const { userId } = first.willow()
    const app = await first.willow().mapNamespace('myapp.v1')
    await first.willow().writeEntry(app, userId, 'a', utf8('kept'))
    await first.stop()
    await expect(access(path.join(dataDir, 'willow'))).resolves.toBeUndefined()
    const second = await createNodeIn(dataDir, { willow: true })
    await second.willow().mapNamespace('myapp.v1')
    expect(second.willow().userId).toBe(userId)
    expect(await second.willow().readEntry(app, userId, 'a')).toEqual(utf8('kept'))
  })
})

describe('a node without Willow', () => {
  it('says which option is missing', async () => {
    const node = await createNode()
    expect(() => node.willow()).toThrow(
      expect.objectContaining({
        code: 'ERR_WILLOW_DISABLED',
        hint: 'createP2P({ willow: true })',
      }),
    )
    await node.stop()
    expect(() => node.willow()).toThrow(expect.objectContaining({ code: 'ERR_P2P_STOPPED' }))
  })

  it('says how to install what is missing', async () => {
    const missing = Object.assign(new Error("Cannot find package '@vudo/willow'"), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
    await expect(openWith(() => Promise.reject(missing))).rejects.toMatchObject({
      code: 'ERR_WILLOW_MISSING',
      hint: 'npm i @vudo/willow',
    })
    const other = new Error('something in it is wrong')
    await expect(openWith(() => Promise.reject(other))).rejects.toBe(other)
  })
})

/** Opens Willow by a package that cannot be loaded. */
async function openWith(load: () => Promise<never>): Promise<void> {
  const store = await openMemoryStore()
  const key = createNodeKey()
  const author = createAuthorKey()
  const ticket = { databaseId: 'db', secret: undefined, peers: [] }
  const belongings = { key, author, ticket, store, replacedTicketFile: undefined }
  const settings = parseP2POptions({ storage: 'memory', willow: true })
  try {
    await openWillowOf(settings, belongings, { load })
  } finally {
    await store.close()
  }
}
