import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDatabaseSecret, encodeTicket, parseTicket } from '@vudo/identity'
import { readKeyFile } from '@vudo/identity/key-file'
import { createP2P, defaultDataDirectory, isP2PError, storeKeyOf } from '@vudo/p2p'
import { createNode, createNodeIn, freshFolder, local } from './nodes.ts'

const isWindows = process.platform === 'win32'
const isRoot = process.getuid?.() === 0

/** What a node in `dataDir` fails with. */
async function failure(dataDir: string): Promise<unknown> {
  return createP2P({ ...local, dataDir }).then(
    async (node) => {
      await node.stop()
      return undefined
    },
    (error: unknown) => error,
  )
}

/** A data directory that has been used. */
async function usedFolder(): Promise<string> {
  const folder = await freshFolder()
  await (await createNodeIn(folder)).stop()
  return folder
}

/** The code of what a node in `dataDir` fails with. */
const codeOf = async (dataDir: string, encryptionAtRest?: boolean | Uint8Array): Promise<unknown> =>
  createP2P({ ...local, dataDir, encryptionAtRest }).then(
    (node) => node.stop(),
    (error: unknown) => (error as { code: string }).code,
  )

/** Which of a path and a content the files of a folder show. */
async function secretsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = await Promise.all(
    files.map(({ parentPath, name }) => readFile(path.join(parentPath, name), 'latin1')),
  )
  return ['path', 'content'].filter((what) => texts.join('\n').includes(`secret-${what}`))
}

describe('the data directory', () => {
  it('keeps keys, ticket and documents from one start to the next', async () => {
    const folder = await freshFolder()
    const first = await createNodeIn(folder)
    const { peerId, authorId, ticket } = first
    await first.writeDoc('notes/today', { text: 'milk' })
    await first.stop()
    const second = await createNodeIn(folder)
    expect(second).toMatchObject({ peerId, authorId, ticket, isPublic: false })
    expect(await second.readDoc('notes/today')).toEqual({ text: 'milk' })
    expect(peerId).not.toBe(authorId)
  })

  it.each([true, new Uint8Array(32).fill(7)])(
    'keeps neither content nor paths in the clear when it is encrypted (%#)',
    async (encryptionAtRest) => {
      const folder = await freshFolder()
      const options = { ...local, dataDir: folder, encryptionAtRest }
      const first = await createP2P(options)
      await first.writeDoc('notes/secret-path', { text: 'secret-content' })
      await first.stop()
      const plain = await usedFolder()
      const clear = await createP2P({ ...local, dataDir: plain })
      await clear.writeDoc('notes/secret-path', { text: 'secret-content' })
      await clear.stop()
      expect(await secretsIn(path.join(folder, 'store'))).toEqual([])
      // The control: what is not encrypted shows both.
      expect(await secretsIn(path.join(plain, 'store'))).toEqual(['path', 'content'])
      const second = await createP2P(options)
      expect(await second.readDoc('notes/secret-path')).toEqual({ text: 'secret-content' })
      await second.stop()
    },
  )

  it('keeps the entries of Willow out of the clear as well', async () => {
    for (const encryptionAtRest of [false, true]) {
      const options = { ...local, dataDir: await freshFolder(), encryptionAtRest, willow: true }
      const node = await createP2P(options)
      const willow = node.willow()
      const app = await willow.mapNamespace('app.v1')
      const content = new TextEncoder().encode('secret-content')
      await willow.writeEntry(app, willow.userId, 'notes/secret-path', content)
      await node.stop()
      // Payloads are encrypted in any case; paths only with the store.
      const shown = await secretsIn(options.dataDir)
      expect(shown).toEqual(encryptionAtRest ? [] : ['path'])
      const again = await createP2P(options)
      const space = await again.willow().mapNamespace('app.v1')
      const entry = await again.willow().readEntry(space, willow.userId, 'notes/secret-path')
      expect(entry).toEqual(content)
      await again.stop()
    }
  })

  it('opens neither with another key, nor without one, nor with one too many', async () => {
    const folder = await freshFolder()
    expect(await codeOf(folder, true)).toBeUndefined()
    expect(await codeOf(folder)).toBe('ERR_STORE_ENCRYPTED')
    expect(await codeOf(folder, new Uint8Array(32))).toBe('ERR_STORE_KEY_WRONG')
    expect(await codeOf(await usedFolder(), true)).toBe('ERR_STORE_NOT_ENCRYPTED')
    expect(await codeOf(folder, new Uint8Array(31))).toBe('ERR_CONFIG_INVALID')
    const key = storeKeyOf(await readKeyFile(path.join(folder, 'node.key')))
    expect(await codeOf(folder, key)).toBeUndefined()
  })

  it.skipIf(isWindows)('shows its secrets to the owner alone', async () => {
    const folder = path.join(await freshFolder(), 'new')
    const node = await createNodeIn(folder)
    const files = ['node.key', 'author.key', 'ticket']
    for (const file of files) {
      expect([file, (await stat(path.join(folder, file))).mode & 0o777]).toEqual([file, 0o600])
    }
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await readdir(folder)).toSorted()).toEqual([...files, 'store'].toSorted())
    await node.stop()
  })

  it('is made with all folders above it', async () => {
    const folder = path.join(await freshFolder(), 'a', 'b')
    const node = await createNodeIn(folder)
    expect(await readdir(folder)).toContain('ticket')
    await node.stop()
  })

  it('has a default for each application', () => {
    expect(defaultDataDirectory('notes')).toMatch(/notes/)
    expect(defaultDataDirectory('notes')).not.toBe(defaultDataDirectory('vudo'))
  })

  it('belongs to one node of this process', async () => {
    const folder = await freshFolder()
    const owner = await createNodeIn(folder)
    const error = await failure(folder)
    expect(error).toMatchObject({ name: 'StoreError', code: 'ERR_STORE_LOCKED' })
    expect(String(error)).toContain(`this process (${process.pid})`)
    await owner.writeDoc('notes/a', { still: 'works' })
    await owner.stop()
    expect(await failure(folder)).toBeUndefined()
  })

  it('belongs to one process, and names it to others', async () => {
    const folder = await freshFolder()
    const program = fileURLToPath(new URL('holder.ts', import.meta.url))
    const child = fork(program, [folder])
    onTestFinished(async () => {
      if (child.exitCode !== null) return
      child.disconnect()
      await once(child, 'exit')
    })
    await once(child, 'message')
    const error = await failure(folder)
    expect(error).toMatchObject({ code: 'ERR_STORE_LOCKED' })
    expect(String(error)).toContain(`process ${child.pid}`)
  }, 20_000)

  it.each([
    ['node.key', 'ERR_KEY_FILE_INVALID'],
    ['author.key', 'ERR_KEY_FILE_INVALID'],
    ['ticket', 'ERR_TICKET_FILE_INVALID'],
  ])('with a damaged %s is refused and left as it is', async (file, code) => {
    const folder = await usedFolder()
    const place = path.join(folder, file)
    for (const content of ['', 'nonsense', 'x'.repeat(100_000)]) {
      await writeFile(place, content)
      expect(await failure(folder)).toMatchObject({ code, hint: expect.any(String) as string })
      expect(await readFile(place, 'utf8')).toBe(content)
    }
  })

  it.each([
    ['node.key', 'ERR_KEY_FILE_INVALID'],
    ['ticket', 'ERR_TICKET_FILE_INVALID'],
  ])('with a folder in place of %s is refused as such', async (file, code) => {
    const folder = await freshFolder()
    await mkdir(path.join(folder, file), { mode: 0o755 })
    expect(await failure(folder)).toMatchObject({ code })
  })

  it.skipIf(isWindows).each([
    ['node.key', 'ERR_KEY_FILE_EXPOSED'],
    ['ticket', 'ERR_TICKET_FILE_EXPOSED'],
  ])('with a %s that others may read is refused', async (file, code) => {
    const folder = await usedFolder()
    await chmod(path.join(folder, file), 0o640)
    const error = await failure(folder)
    expect(error).toMatchObject({ code, hint: expect.stringContaining('chmod 600') as string })
  })

  it.skipIf(isWindows).each([
    ['node.key', 'ERR_KEY_FILE_UNREADABLE'],
    ['ticket', 'ERR_TICKET_FILE_UNREADABLE'],
  ])('with a %s that cannot be read is refused', async (file, code) => {
    const folder = await freshFolder()
    await symlink(file, path.join(folder, file))
    expect(await failure(folder)).toMatchObject({
      code,
      message: expect.stringContaining(file) as string,
    })
  })

  it('that cannot be made is refused', async () => {
    const file = path.join(await freshFolder(), 'file')
    await writeFile(file, '')
    expect(await failure(path.join(file, 'data'))).toMatchObject({ code: 'ERR_STORE_UNREADABLE' })
    expect(await failure(file)).toMatchObject({ code: 'ERR_STORE_UNREADABLE' })
  })

  it.skipIf(isWindows || isRoot)('that is read-only is refused', async () => {
    const folder = path.join(await freshFolder(), 'read-only')
    await mkdir(folder, { mode: 0o500 })
    expect(await failure(folder)).toMatchObject({ code: 'ERR_STORE_UNREADABLE' })
  })

  it('is free again after a node could not be made', async () => {
    const folder = await usedFolder()
    const place = path.join(folder, 'ticket')
    const ticket = await readFile(place, 'utf8')
    await writeFile(place, 'nonsense')
    expect(isP2PError(await failure(folder))).toBe(true)
    await writeFile(place, ticket)
    expect(await failure(folder)).toBeUndefined()
  })
})

describe('the database of a data directory', () => {
  it('is the one that was named last', async () => {
    const folder = await freshFolder()
    await (await createNodeIn(folder, { database: 'open:public notes' })).stop()
    const node = await createNodeIn(folder)
    expect([node.database.id, node.isPublic]).toEqual(['public notes', true])
  })

  it('gives way to another one without losing its secret', async () => {
    const folder = await freshFolder()
    const before = await createNodeIn(folder)
    const { ticket } = before
    await before.writeDoc('notes/a', { text: 'kept' })
    await before.stop()
    const other = await createNodeIn(folder, { database: 'open:other' })
    expect(await other.ls()).toEqual([])
    const replaced = other.replacedTicketFile
    await other.stop()
    const names = (await readdir(folder)).filter((name) => name.startsWith('ticket-'))
    expect(names).toHaveLength(1)
    const [name = ''] = names
    expect(replaced).toBe(path.join(folder, name))
    const kept = (await readFile(path.join(folder, name), 'utf8')).trim()
    expect(kept).toBe(ticket)
    const { mode } = await stat(path.join(folder, name))
    expect(isWindows || (mode & 0o777) === 0o600).toBe(true)
    const again = await createNodeIn(folder, { database: kept })
    await again.stop()
    await again.initialize()
    // It was there already: nothing gave way this time.
    expect(again.replacedTicketFile).toBeUndefined()
    expect(await again.readDoc('notes/a')).toEqual({ text: 'kept' })
  })

  it('does not show its documents to who knows its id and not its secret', async () => {
    const folder = await freshFolder()
    const node = await createNodeIn(folder)
    const { databaseId } = parseTicket(node.ticket)
    await node.writeDoc('notes/a', { text: 'private' })
    await node.stop()
    for (const database of [
      `open:${databaseId}`,
      encodeTicket({ databaseId, secret: createDatabaseSecret(), peers: [] }),
    ]) {
      const lured = await createNodeIn(folder, { database })
      expect(lured.database.id).toBe(databaseId)
      expect(await lured.ls()).toEqual([])
      await lured.stop()
    }
  })

  it('in memory is a new one each time', async () => {
    const [one, two] = await Promise.all([createNode(), createNode()])
    expect(one.peerId).not.toBe(two.peerId)
    expect(one.ticket).not.toBe(two.ticket)
  })

  it('survives a text that is neither a ticket nor named as open', async () => {
    const folder = await freshFolder()
    const first = await createNodeIn(folder)
    const { ticket } = first
    await first.stop()
    const before = await readdir(folder)
    for (const database of [ticket.slice(1), `vudo:${ticket}`, 'garbage!', `open:${ticket}`]) {
      await expect(createNodeIn(folder, { database })).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringMatching(/a ticket .*open:<id>/) as string,
      })
    }
    expect(await readdir(folder)).toEqual(before)
    const again = await createNodeIn(folder)
    expect(again).toMatchObject({ ticket, isPublic: false })
  })
})
