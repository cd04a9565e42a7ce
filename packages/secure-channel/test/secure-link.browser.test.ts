/** In a page of Chromium: links between two ends in the page. */
import { expect, it } from 'vitest'
import { bytesEqual } from '@vudo/wire'
import { attempt, bob, mallory, outcomeOf, pair, text } from './pair.ts'

it('messages of all sizes pass both ways', async () => {
  const { a, b } = await pair()
  for (const length of [1, 65_535, 1_048_576]) {
    const message = new Uint8Array(length).fill(7)
    const sent = Promise.all([a.send(message), b.send(message)])
    for (const end of [a, b]) {
      const received = (await end.receive())?.bytes ?? text('')
      expect(bytesEqual(received, message)).toBe(true)
    }
    await sent
  }
  expect(a.peerId).toBe(bob.peerId)
  await Promise.all([a.close(), b.close()])
})

it('keys change on the way', async () => {
  const { a, b } = await pair({}, { limits: { rekeyRecords: 3 } })
  for (let count = 0; count < 20; count++) {
    await a.send(text(`message ${count}`))
    expect((await b.receive())?.bytes).toEqual(text(`message ${count}`))
  }
  await Promise.all([a.close(), b.close()])
})

it('another peer than the one meant is refused', async () => {
  const [dialled] = await attempt({}, { expected: mallory.peerId })
  expect(dialled).toBe('ERR_PEER_MISMATCH')
})

it('a message that was altered on the way ends the link', async () => {
  let isArmed = false
  const tap = (message: Uint8Array): Uint8Array =>
    isArmed ? message.with(5, (message[5] ?? 0) ^ 1) : message
  const { a, b } = await pair({ tap })
  isArmed = true
  await a.send(text('hello'))
  const end = await b.receive().then(() => 'a message', outcomeOf)
  expect(end).toBe('ERR_PEER_PROTOCOL < ERR_CHANNEL_AUTH')
  await Promise.all([a.close(), b.close()])
})
