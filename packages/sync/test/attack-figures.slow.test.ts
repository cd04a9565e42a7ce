import * as Automerge from '@automerge/automerge'
import { expect, onTestFinished, test } from 'vitest'
import { createVetting } from '../src/vetting.ts'
import { announceUnknown, requestUnknown, serveHonest, type Flood } from './floods.ts'

/** Resident memory may grow by so much, whatever a peer does: 64 MiB. */
const memoryBytes = 67_108_864

test.each([
  ['UD1: a million announced documents', announceUnknown],
  ['UD2: a million requests for unknown documents', requestUnknown],
])('%s leave nothing behind, and an honest peer is served', (_name, run) => {
  // What this process needs for itself, it has behind the first ones.
  run(50_000)
  const { lab, victim, left, grownBytes }: Flood = run(1_000_000)
  expect(left).toEqual({ documents: 0, records: 0, keys: 0 })
  expect(grownBytes).toBeLessThan(memoryBytes)
  expect(serveHonest(lab, victim)).toEqual([{ text: 'well' }, { text: 'mine' }])
})

test('SY4: a document of 200,000 keys opens within the time of the vetting thread', async () => {
  const backend = Automerge.getBackend(Automerge.init())
  for (let at = 0; at < 200_000; at++) backend.put('_root', `k${at}`, 1)
  backend.commit()
  const saved = backend.save()
  expect(saved).toHaveLength(532_649)
  const vetting = createVetting()
  onTestFinished(() => vetting.close())
  expect(await vetting.vet([saved])).toMatchObject({ type: 'fine', operations: 200_000 })
})
