import { expect, it, onTestFinished, vi } from 'vitest'
import { Router } from '../src/router.ts'

function create(): Promise<Router> {
  return Router.create({
    seed: new Uint8Array(32).fill(7),
    accept: () => true,
    deliver: () => {},
    faultsOf: () => 0,
    onHeartbeat: () => {},
  })
}

it('leaves no timer behind: a program that has ended its node ends', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  await (await create()).stop()
  expect(vi.getTimerCount()).toBe(0)

  // Once its first heartbeat has passed, the next one is set anew.
  const router = await create()
  await vi.advanceTimersByTimeAsync(2_500)
  expect(vi.getTimerCount()).toBeGreaterThan(0)
  await router.stop()
  expect(vi.getTimerCount()).toBe(0)
})
