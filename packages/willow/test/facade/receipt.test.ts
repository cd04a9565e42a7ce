import { expect, it, describe } from 'vitest'
import { createArea, fullArea, parsePath } from '@vudo/meadowcap'
import type { KnownDevice } from '@vudo/willow'
import type { ErasureRecord } from '../../src/erasure/erasure-log.ts'
import {
  createReceipt,
  isWaitedFor,
  receiptsOf,
  type ReceiptSource,
} from '../../src/facade/receipt.ts'
import { startMs } from './willows.ts'

const dayMs = 86_400_000

/** A namespace whose devices and confirmations the test makes up. */
class FakeNamespace implements ReceiptSource {
  readonly id = 'ab'.repeat(32)
  readonly userId = 'cd'.repeat(32)
  records: ErasureRecord[] = []
  devices: KnownDevice[] = []
  unlisted: string[] = []
  readonly online = new Set<string>()
  /** How long each wait was asked to be. */
  readonly waits: number[] = []
  #nowMs = startMs

  nowMs(): number {
    return this.#nowMs
  }

  know(device: string, lastSeenMs: number): void {
    this.devices.push({ device, firstSeenMs: lastSeenMs, lastSeenMs, areas: [fullArea] })
  }

  erased(id: number, subspace: number): ErasureRecord {
    const subspaceId = new Uint8Array(32).fill(subspace)
    const area = createArea({ subspaceId, path: parsePath('patients/p-1') })
    const record: ErasureRecord = {
      id,
      area,
      timestamp: 1n,
      erasedCount: 2,
      erasedAtMs: startMs,
      reason: 'request 7',
      confirmations: [],
    }
    this.records.push(record)
    return record
  }

  confirm(id: number, device: string): void {
    this.records = this.records.map((record) =>
      record.id === id
        ? {
            ...record,
            confirmations: [...record.confirmations, { device, confirmedAtMs: this.#nowMs + id }],
          }
        : record,
    )
  }

  /** What the next waits bring. */
  readonly happenings: (() => void)[] = []

  async nextChange(timeoutMs: number): Promise<void> {
    this.waits.push(timeoutMs)
    const happening = this.happenings.shift()
    if (happening) happening()
    else this.#nowMs += timeoutMs
  }
}

describe('a receipt', () => {
  it('counts a device when it has confirmed every part', () => {
    const source = new FakeNamespace()
    source.know('tablet', startMs - dayMs)
    source.know('laptop', startMs - dayMs)
    const receipt = createReceipt(source, [source.erased(1, 1), source.erased(2, 2)])
    source.confirm(1, 'tablet')
    source.confirm(1, 'laptop')
    expect(receipt.report().confirmed).toEqual([])
    source.confirm(2, 'tablet')
    expect(receipt.report()).toMatchObject({
      erasedCount: 4,
      confirmed: [{ device: 'tablet', confirmedAtMs: startMs + 2 }],
      waiting: [{ device: 'laptop', lastSeenMs: startMs - dayMs }],
    })
    expect(String(receipt)).toBe('Erased on 2 of 3 known devices; 1 not seen since 28 February.')
  })

  it('tells of devices that had no place in the list', () => {
    const source = new FakeNamespace()
    source.know('tablet', startMs - dayMs)
    source.unlisted = ['stranger', 'phone']
    const receipt = createReceipt(source, [source.erased(1, 1)])
    // It had confirmed before it lost its place.
    source.confirm(1, 'phone')
    expect(receipt.report().unlisted).toEqual(['stranger'])
    expect(String(receipt)).toBe(
      'Erased on 2 of 3 known devices; 1 not seen since 28 February, 1 more not listed.',
    )
  })

  it('waits for a device that it concerns and that has not confirmed', () => {
    const source = new FakeNamespace()
    source.know('tablet', startMs)
    source.erased(1, 1)
    source.erased(2, 2)
    const [tablet] = source.devices
    if (!tablet) throw new Error('it was made above')
    const elsewhere = createArea({ path: parsePath('letters') })
    expect(isWaitedFor(tablet, source.records)).toBe(true)
    expect(isWaitedFor({ ...tablet, areas: [elsewhere] }, source.records)).toBe(false)
    source.confirm(2, 'tablet')
    expect(isWaitedFor(tablet, source.records)).toBe(true)
    source.confirm(1, 'tablet')
    expect(isWaitedFor(tablet, source.records)).toBe(false)
  })

  it('is found again, whatever it had parts', () => {
    const source = new FakeNamespace()
    source.erased(1, 1)
    source.erased(2, 2)
    expect(receiptsOf(source).map((receipt) => receipt.report().subspaces.length)).toEqual([2])
  })

  it('waits until every known device has confirmed', async () => {
    const source = new FakeNamespace()
    source.know('tablet', startMs)
    source.know('laptop', startMs)
    const receipt = createReceipt(source, [source.erased(1, 1)])
    source.happenings.push(() => source.confirm(1, 'laptop'))
    source.happenings.push(() => source.confirm(1, 'tablet'))
    const outcome = await receipt.whenConfirmed({ timeoutMs: 30 * dayMs })
    expect(outcome).toEqual({ confirmed: ['laptop', 'tablet'], waiting: [] })
    // Longer than one timer can wait: that is for who waits to care about.
    expect(source.waits).toEqual([30 * dayMs, 30 * dayMs])
  })

  it('stops waiting when the time is over, and says for whom', async () => {
    const source = new FakeNamespace()
    source.know('tablet', startMs)
    const receipt = createReceipt(source, [source.erased(1, 1)])
    const outcome = await receipt.whenConfirmed({ timeoutMs: dayMs })
    expect(outcome).toEqual({ confirmed: [], waiting: ['tablet'] })
  })

  it('waits for those who are connected only, when asked to', async () => {
    const source = new FakeNamespace()
    source.know('tablet', startMs)
    source.know('laptop', startMs)
    source.online.add('laptop')
    const receipt = createReceipt(source, [source.erased(1, 1)])
    source.happenings.push(() => source.confirm(1, 'laptop'))
    const outcome = await receipt.whenConfirmed({ by: 'online', timeoutMs: dayMs })
    expect(outcome).toEqual({ confirmed: ['laptop'], waiting: ['tablet'] })
  })
})
