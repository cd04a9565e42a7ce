import { randomBytes } from 'node:crypto'
import { full3dRange } from '@vudo/meadowcap'
import { createFakeDisk } from '@vudo/storage'
import { createMemoryVault, openPersistentWillowStore, william3 } from '@vudo/willow'
import type { PayloadVault, WillowStore } from '@vudo/willow'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entryFingerprint } from '../../src/store/fingerprint.ts'
import { createFakeStorage, PowerCut } from '../store/fake-storage.ts'
import { permissive } from '../store/model.ts'
import { entryFor, namespaceId, readWhole, writeWhole } from '../store/stores.ts'

const steps = fc.array(
  fc.record({
    /** Which of three places, the first above the others. */
    place: fc.constantFrom(['a'], ['a', 'b'], ['a', 'c']),
    does: fc.constantFrom('write', 'forget', 'give up', 'erase'),
  }),
  { maxLength: 12 },
)

test('has every payload that an entry names, and no other, after a power cut at any point', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(60), fc.boolean(), async (all, cutAt, isApplied) => {
      const disk = createFakeDisk(() => 0.99)
      const inner = createMemoryVault()
      const alive = new Set<string>()
      let left = cutAt
      const mayEnd = (): void => {
        left -= 1
        if (left < 0) throw new PowerCut()
      }
      const open = (isSafe: boolean): Promise<WillowStore> => {
        const storage = createFakeStorage(disk)
        if (!isSafe) {
          storage.fate = () => {
            left -= 1
            if (left >= 0) return 'done'
            return isApplied ? 'cut-before-sync' : 'cut-before-append'
          }
        }
        const payloads = vaultThatEnds(inner, alive, isSafe ? () => {} : mayEnd)
        return openPersistentWillowStore({ namespaceId, storage, payloads, verifier: permissive })
      }
      try {
        const store = await open(false)
        for (const [at, { place, does }] of all.entries()) {
          const payload = new Uint8Array(randomBytes(does === 'erase' ? 0 : 100))
          const authorised = entryFor(place, payload, BigInt(at))
          if (does === 'forget') await store.forgetPayload(authorised.entry)
          else if (does === 'give up') await store.forgetEntry(authorised.entry)
          else await store.insert(authorised)
          if (does === 'write') await writeWhole(store, authorised, payload)
        }
      } catch (error) {
        if (!isCut(error)) throw error
        disk.crash()
      }
      const again = await open(true)
      let payloads = 0
      let sum = 0n
      for await (const { entry, token, available } of again.entries(full3dRange)) {
        sum += numberOf(entryFingerprint(entry, token.capability, available))
        if (available === 0n) continue
        payloads += 1
        const bytes = await readWhole(again, { entry, token })
        expect(william3(bytes!)).toEqual(entry.payloadDigest)
      }
      expect(alive.size).toBe(payloads)
      // What has arrived of a payload is a part of its entry's fingerprint.
      const { fingerprint } = await again.summarise(full3dRange)
      expect(numberOf(fingerprint)).toBe(sum % 2n ** 256n)
    }),
    { numRuns: 100 },
  )
})

/** What was thrown may have been wrapped on its way. */
function isCut(error: unknown): boolean {
  return error instanceof PowerCut || (error instanceof Error && isCut(error.cause))
}

/** Counts what exists, and lets the power go before or after any of its steps. */
function vaultThatEnds(inner: PayloadVault, alive: Set<string>, mayEnd: () => void): PayloadVault {
  return {
    reserve: () => inner.reserve(),
    create: async (id) => {
      mayEnd()
      await inner.create(id)
      alive.add(nameOf(id))
      mayEnd()
    },
    append: async (id, index, chunk) => {
      mayEnd()
      await inner.append(id, index, chunk)
    },
    sync: async (id) => {
      mayEnd()
      await inner.sync(id)
    },
    read: (id, index, length) => inner.read(id, index, length),
    destroy: async (ids) => {
      for (const id of ids) {
        mayEnd()
        await inner.destroy([id])
        alive.delete(nameOf(id))
      }
    },
    close: () => Promise.resolve(),
  }
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}

function numberOf(fingerprint: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(fingerprint).toString('hex')}`)
}
