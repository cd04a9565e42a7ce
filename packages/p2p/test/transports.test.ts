import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import type { P2POptions } from '@vudo/p2p'
import { createTransportContext } from '@vudo/secure-channel'
import { parseP2POptions } from '../src/settings.ts'
import { assertInstalled, isMissing, openTransports } from '../src/transports.ts'

/** The transports that a node with these options has. */
async function namesWith(options: P2POptions = {}): Promise<string[]> {
  const context = createTransportContext(createNodeKey())
  const transports = await openTransports(parseP2POptions(options), context)
  onTestFinished(async () => void (await Promise.all(transports.map((one) => one.disconnect()))))
  return transports.map(({ name }) => name)
}

describe('the transports of a node', () => {
  it('say of a stack of ours only how to install it', () => {
    // Every stack is installed here; one that no test has named yet is as one that is not.
    expect(() => assertInstalled('iroh')).toThrow(
      expect.objectContaining({
        code: 'ERR_TRANSPORT_MISSING',
        hint: 'npm i @vudo/transport-iroh',
      }),
    )
    expect(() => assertInstalled('tcp')).not.toThrow()
  })

  it('are TCP alone unless more is asked for or imported', async () => {
    expect(await namesWith()).toEqual(['tcp'])
  })

  it('include, with auto, the stacks that the settings are for', async () => {
    const relayUrl = 'ws://127.0.0.1:1'
    expect(await namesWith({ relayUrl })).toEqual(['tcp', 'relay'])
    expect(await namesWith()).toEqual(['tcp'])
    expect(await namesWith({ relayUrl, transports: ['tcp'] })).toEqual(['tcp'])
    const bootstrapNodes = ['hyperswarm://127.0.0.1:1', '127.0.0.1:1']
    expect(await namesWith({ bootstrapNodes })).toEqual(['tcp', 'hyperswarm'])
    expect(await namesWith({ bootstrapNodes, enableDht: false })).toEqual(['tcp'])
  })

  it('are those of auto where that stands among others, each once', async () => {
    const relayUrl = 'ws://127.0.0.1:1'
    expect(await namesWith({ transports: ['auto'] })).toEqual(['tcp'])
    expect(await namesWith({ relayUrl, transports: ['relay', 'auto', 'tcp'] })).toEqual([
      'relay',
      'tcp',
    ])
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

describe('an import that failed', () => {
  it('is told from one of an installed package that misses another one', async () => {
    const [absent, broken] = ['@vudo/transport-absent', '@vudo/transport-there']
    expect(isMissing(await errorOf(absent), absent)).toBe(true)
    expect(isMissing(await errorOf(broken), broken)).toBe(false)
  })
})

/** What Node says in a folder in which one package is installed, without what that depends on. */
async function errorOf(packageName: string): Promise<Error> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vudo-missing-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const installed = path.join(folder, 'node_modules', '@vudo', 'transport-there')
  await mkdir(installed, { recursive: true })
  await writeFile(path.join(installed, 'package.json'), '{"type":"module","exports":"./main.js"}')
  await writeFile(path.join(installed, 'main.js'), "import '@vudo/no-such-package'")
  const program = `import('${packageName}').catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['-e', program], { cwd: folder })
  const { code, message } = JSON.parse(stdout)
  return Object.assign(new Error(message), { code })
}
