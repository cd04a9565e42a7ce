import { expect, it } from 'vitest'
import { NamespaceTable } from '../../src/facade/namespace-table.ts'
import type { OpenNamespace } from '../../src/facade/open-namespace.ts'
import { MAX_OPEN_NAMESPACES } from '../../src/limits.ts'

const idOf = (number: number): string => number.toString(16).padStart(64, '0')

const fail = (): Promise<OpenNamespace> => Promise.reject(new Error('planted'))

/** A namespace that notes how often it was closed. */
function namespaceOf(closed: string[], id: string): OpenNamespace {
  return {
    id,
    close: async () => void closed.push(id),
  } as unknown as OpenNamespace
}

it('opens a namespace once for all who ask meanwhile', async () => {
  const table = new NamespaceTable()
  let count = 0
  const open = async (): Promise<OpenNamespace> => {
    count += 1
    return namespaceOf([], idOf(1))
  }
  await Promise.all([table.open(idOf(1), open), table.open(idOf(1), open)])
  await table.open(idOf(1), open)
  expect([count, table.ids]).toEqual([1, [idOf(1)]])
})

it('keeps nothing of one that cannot be opened, so that it can be tried again', async () => {
  const table = new NamespaceTable()
  await expect(table.open(idOf(1), fail)).rejects.toThrow('planted')
  expect(table.get(idOf(1))).toBeUndefined()
  await table.open(idOf(1), async () => namespaceOf([], idOf(1)))
  expect(table.get(idOf(1))?.id).toBe(idOf(1))
})

it('has an end, which those that are being opened count for', async () => {
  const table = new NamespaceTable()
  const gate = Promise.withResolvers<OpenNamespace>()
  const opening = Array.from({ length: MAX_OPEN_NAMESPACES }, (_, at) =>
    table.open(idOf(at), () => gate.promise),
  )
  const more = async (): Promise<OpenNamespace> => namespaceOf([], idOf(MAX_OPEN_NAMESPACES))
  const refusal = { code: 'ERR_NAMESPACE_LIMIT' }
  await expect(table.open(idOf(MAX_OPEN_NAMESPACES), more)).rejects.toMatchObject(refusal)
  const again = table.open(idOf(0), more)
  gate.resolve(namespaceOf([], idOf(0)))
  await Promise.all([...opening, again])
  await expect(table.open(idOf(MAX_OPEN_NAMESPACES), more)).rejects.toMatchObject(refusal)
})

it('finds the only one without a name, and none where it is unclear', async () => {
  const table = new NamespaceTable()
  const unclear = expect.objectContaining({ code: 'ERR_NAMESPACE_UNCLEAR' })
  expect(() => table.named(undefined)).toThrow(unclear)
  await table.open(idOf(1), async () => namespaceOf([], idOf(1)))
  expect(table.named(undefined).id).toBe(idOf(1))
  await table.open(idOf(2), async () => namespaceOf([], idOf(2)))
  expect(() => table.named(undefined)).toThrow(unclear)
  expect(table.named(idOf(2)).id).toBe(idOf(2))
  expect(() => table.named(idOf(3))).toThrow(unclear)
})

it('closes those as well that were being opened', async () => {
  const table = new NamespaceTable()
  const closed: string[] = []
  await table.open(idOf(1), async () => namespaceOf(closed, idOf(1)))
  const gate = Promise.withResolvers<OpenNamespace>()
  const opening = table.open(idOf(2), () => gate.promise)
  const failing = table.open(idOf(3), fail)
  const closing = Promise.all([table.close(), expect(failing).rejects.toThrow('planted')])
  gate.resolve(namespaceOf(closed, idOf(2)))
  await Promise.all([opening, closing])
  expect(closed).toEqual([idOf(1), idOf(2)])
})
