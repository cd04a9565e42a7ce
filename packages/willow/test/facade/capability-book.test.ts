import {
  createNamespaceKey,
  createRootCapability,
  createUserKey,
  createVerifier,
} from '@vudo/meadowcap'
import { expect, it } from 'vitest'
import { openCapabilityBook } from '../../src/facade/capability-book.ts'
import { createFakeStorage } from '../store/fake-storage.ts'

it('keeps a capability that is added again after the disk was full', async () => {
  const view = createFakeStorage()
  const init = { view, verifier: createVerifier(), revocations: undefined }
  const capability = createRootCapability({
    access: 'read',
    namespace: createNamespaceKey({ kind: 'communal' }).publicKey,
    userKey: createUserKey().publicKey,
  })
  const book = await openCapabilityBook(init)
  view.fate = () => 'full'
  await expect(book.keep(capability)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
  expect(book.store.size).toBe(0)
  view.fate = () => 'done'
  expect(await book.keep(capability)).toBe(true)
  expect((await openCapabilityBook(init)).store.size).toBe(1)
})
