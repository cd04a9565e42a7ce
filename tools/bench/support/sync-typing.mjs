/** Characters typed into one text, and when they are seen: the same for every contender. */
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { nowMs } from './sync-meter.mjs'

/** Actions of one client (see workers.mjs), and `look`, to be called after every change of the text. */
export function createTypist({ length, append }) {
  let seen = Promise.withResolvers()
  let wanted = 0
  let base = 0
  let times = []
  return {
    look() {
      if (wanted === 0) return
      const arrived = Math.min(length() - base, wanted)
      while (times.length < arrived) times.push(nowMs())
      if (times.length < wanted) return
      wanted = 0
      seen.resolve(times)
    },
    actions: {
      /** From now on so many characters are awaited. */
      arm({ count }) {
        seen = Promise.withResolvers()
        base = length()
        times = []
        wanted = count
      },
      /** When each was seen. */
      seen: () => seen.promise,
      /** Types so many; a rate of 0 is as fast as the event loop allows. Tells when each was typed. */
      async type({ count, rate }) {
        const sent = []
        for (let i = 0; i < count; i++) {
          sent.push(nowMs())
          append(i)
          await (rate > 0 ? pause(1_000 / rate) : turn())
        }
        return sent
      },
    },
  }
}

/** Actions of many clients in one process, each `{ length(), append(), onChange(listener) }`. */
export function createCrowd() {
  const clients = []
  let finished
  return {
    clients,
    actions: {
      armAll({ total }) {
        finished = clients.map(
          (client) =>
            new Promise((resolve) => {
              client.onChange(() => {
                if (client.length() >= total) resolve(nowMs())
              })
            }),
        )
      },
      /** Every client types so many characters, one in each `gapMs`. Tells when the last one was typed. */
      async typeAll({ count, gapMs }) {
        let last = 0
        const typing = clients.map(async (client, i) => {
          await pause((i * gapMs) / clients.length)
          for (let k = 0; k < count; k++) {
            last = nowMs()
            client.append()
            await pause(gapMs)
          }
        })
        await Promise.all(typing)
        return last
      },
      /** When each client had everything. */
      allSeen: () => Promise.all(finished),
    },
  }
}
