import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import {
  createAuthorKeyFile,
  createKeyFile,
  readAuthorKeyFile,
  readKeyFile,
  readOrCreateAuthorKeyFile,
  readOrCreateKeyFile,
} from '@vudo/identity/key-file'
import { bytesToHex } from '@vudo/wire'
import { testSeed } from './read-vectors.ts'

let folder = ''
let file = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vudo-key-file-'))
  file = path.join(folder, 'node.key')
})

afterEach(() => rm(folder, { recursive: true }))

/** The code, name and text of what the promise rejects with. */
async function failureOf(
  promise: Promise<unknown>,
): Promise<Error & { code: string; hint: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error & { code: string; hint: string }
  }
  throw new Error('did not reject')
}

async function write(text: string, mode = 0o600): Promise<void> {
  await writeFile(file, text, { mode })
  await chmod(file, mode)
}

describe('key files', () => {
  it('hold version, type and seed as JSON', async () => {
    await createKeyFile(file, createNodeKey(testSeed(1)))
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      version: 1,
      type: 'node',
      seed: '01'.repeat(32),
    })
    expect((await readKeyFile(file)).seed).toEqual(testSeed(1))
  })

  it('keep node keys and author keys apart', async () => {
    const author = await createAuthorKeyFile(file, createAuthorKey(testSeed(2)))
    expect((await readAuthorKeyFile(file)).authorId).toBe(author.authorId)
    expect((await readOrCreateAuthorKeyFile(file)).authorId).toBe(author.authorId)
    expect((await failureOf(readKeyFile(file))).code).toBe('ERR_KEY_FILE_INVALID')
    expect((await failureOf(readOrCreateKeyFile(file))).code).toBe('ERR_KEY_FILE_INVALID')
  })

  it('make a new key when none is given, and leave nothing else behind', async () => {
    const created = await createKeyFile(file)
    expect((await readOrCreateKeyFile(file)).peerId).toBe(created.peerId)
    const other = await readOrCreateAuthorKeyFile(path.join(folder, 'author.key'))
    expect(other.authorId).not.toBe(created.peerId)
    expect((await readdir(folder)).toSorted()).toEqual(['author.key', 'node.key'])
  })

  it('are never overwritten', async () => {
    const { peerId } = await createKeyFile(file)
    const error = await failureOf(createKeyFile(file))
    expect(error.code).toBe('ERR_KEY_FILE_EXISTS')
    expect((await readKeyFile(file)).peerId).toBe(peerId)
    expect(await readdir(folder)).toEqual(['node.key'])
  })

  it.skipIf(process.platform === 'win32')('are for their owner only', async () => {
    await createKeyFile(file)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    for (const mode of [0o640, 0o604, 0o610, 0o620, 0o644, 0o777]) {
      await chmod(file, mode)
      const error = await failureOf(readOrCreateKeyFile(file))
      expect(error.code).toBe('ERR_KEY_FILE_EXPOSED')
      expect(error.message).toContain(mode.toString(8))
      expect(error.hint).toContain(`chmod 600 ${file}`)
    }
    await chmod(file, 0o400)
    expect((await readKeyFile(file)).publicKey).toHaveLength(32)
  })

  it('say when they are missing or cannot be written', async () => {
    expect((await failureOf(readKeyFile(file))).code).toBe('ERR_KEY_FILE_UNREADABLE')
    expect((await failureOf(readKeyFile(folder))).code).toBe('ERR_KEY_FILE_INVALID')
    // Whatever its permissions: a folder is no key file, and `chmod 600` makes it none.
    await chmod(folder, 0o755)
    expect((await failureOf(readKeyFile(folder))).code).toBe('ERR_KEY_FILE_INVALID')
    const deep = path.join(folder, 'missing', 'node.key')
    for (const failed of [createKeyFile(deep), readOrCreateKeyFile(deep)]) {
      const error = await failureOf(failed)
      expect(error.code).toBe('ERR_KEY_FILE_UNWRITABLE')
      expect(error.message).toContain(deep)
    }
  })

  it.skipIf(process.platform === 'win32')('do not follow a link to nowhere', async () => {
    await symlink(path.join(folder, 'elsewhere'), file)
    expect((await failureOf(createKeyFile(file))).code).toBe('ERR_KEY_FILE_EXISTS')
    expect(await readdir(folder)).toEqual(['node.key'])
  })

  const secret = 'ab'.repeat(32)

  it.each([
    '',
    'null',
    '[]',
    '{"version":1,"type":"node"',
    `{"version":1,"type":"node","seed":"${secret}`,
    `{"version":2,"type":"node","seed":"${secret}"}`,
    `{"version":1,"type":"author","seed":"${secret}"}`,
    `{"version":1,"type":"node","seed":"${secret}00"}`,
    `{"version":1,"type":"node","seed":"${secret.toUpperCase()}"}`,
    `{"version":1,"type":"node","seed":7}`,
    `{"version":1,"type":"node","seed":"${secret}"}${' '.repeat(1_024)}`,
  ])('refuse the content %j without quoting it', async (content) => {
    await write(content)
    const error = await failureOf(readOrCreateKeyFile(file))
    expect(error.code).toBe('ERR_KEY_FILE_INVALID')
    expect(error.message).toContain(file)
    expect(`${inspect(error, { depth: 9 })}${JSON.stringify(error)}`).not.toMatch(/abab/i)
    expect(await readFile(file, 'utf8')).toBe(content)
  })

  it('give one key to many who start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => readOrCreateKeyFile(file)))
    expect(new Set(keys.map(({ peerId }) => peerId)).size).toBe(1)
    expect(await readdir(folder)).toEqual(['node.key'])
  })

  it('give one key to processes that start at once', async () => {
    const source = fileURLToPath(new URL('../src/key-file.ts', import.meta.url))
    const program = `
      const { readOrCreateKeyFile } = await import(process.argv[1])
      console.log((await readOrCreateKeyFile(process.argv[2])).peerId)`
    const runs = await Promise.all(
      Array.from({ length: 4 }, () =>
        promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, source, file]),
      ),
    )
    const { publicKey } = await readKeyFile(file)
    const peerId = bytesToHex(publicKey)
    expect(runs.map(({ stdout }) => stdout.trim())).toEqual([peerId, peerId, peerId, peerId])
  }, 30_000)
})
