import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { createSwarm } from '@vudo/swarm'
import { createIrohMedium } from '../src/iroh-medium.ts'
import { createContext } from './nodes.ts'

function nodeWithout(error: Error) {
  const context = createContext()
  const load = async (): Promise<never> => {
    throw error
  }
  return createSwarm(createIrohMedium(context, {}, load), context)
}

it('names the line that installs the stack when it is missing', async () => {
  const error = new Error("Cannot find package '@number0/iroh'")
  const node = nodeWithout(Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' }))
  const expected = {
    code: 'ERR_TRANSPORT_MISSING',
    hint: 'npm i @number0/iroh@1.1.0',
    cause: error,
  }
  await expect(node.listen()).rejects.toMatchObject(expected)
  const address = `iroh://${'00'.repeat(32)}?addr=127.0.0.1:9`
  await expect(node.dial(address)).rejects.toMatchObject({ code: 'ERR_TRANSPORT_MISSING' })
  await node.disconnect()
})

it('says when there is no binary for this machine', async () => {
  const node = nodeWithout(new Error('Cannot find native binding.'))
  await expect(node.listen()).rejects.toMatchObject({
    code: 'ERR_TRANSPORT_MISSING',
    message: `@number0/iroh has no binary for ${process.platform} ${process.arch}`,
  })
  await node.disconnect()
})

it('loads the stack at the first use and not by the import', () => {
  const index = fileURLToPath(new URL('../src/index.ts', import.meta.url))
  const program = `
    import { iroh } from ${JSON.stringify(index)}
    iroh()
    process.report.excludeNetwork = true
    // At the end, when whatever the import began is done.
    process.on('exit', () => {
      const loaded = process.report.getReport().sharedObjects
      console.log(loaded.some((file) => file.includes('iroh')))
    })`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  expect([stdout.trim(), stderr]).toEqual(['false', ''])
})
