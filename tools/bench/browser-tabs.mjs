/**
 * Tabs that share one engine in a SharedWorker: how long it takes to open it, to open it in another
 * tab, until an edit is stored, and until another tab has answered an edit. What a page and its worker
 * load is weighed as a bundler makes it.
 */
import { gzipSync } from 'node:zlib'
import { bundleForBrowsers, findChromium, openChromium } from '@vudo/chromium'
import { median } from './support/contest.mjs'

const rounds = 5
const edits = 200
const entry = new URL('support/tab-page.ts', import.meta.url)

const weight = { page: 0, worker: 0, wasm: 0 }
for (const [name, content] of await bundleForBrowsers(entry, true)) {
  const part = name.endsWith('.wasm') ? 'wasm' : name === '/page.js' ? 'page' : 'worker'
  weight[part] += gzipSync(content).length
}
console.log(`compressed: page ${weight.page}, workers ${weight.worker}, wasm ${weight.wasm} bytes`)

const { missing } = findChromium()
if (missing) {
  console.log(`skipped: ${missing}`)
  finish({ weight })
} else {
  const browser = await openChromium(entry)
  try {
    const ms = { firstTab: [], secondTab: [], stored: [], answered: [] }
    for (let round = 0; round <= rounds; round += 1) {
      const [one, other] = [await browser.open(), await browser.open()]
      const opened = [
        await one.call('connect', `round ${round}`),
        await other.call('connect', `round ${round}`),
      ]
      await other.call('answer')
      const answered = median([...(await one.call('ask', edits))])
      const stored = median([...(await one.call('save', edits))])
      await Promise.all([one.close(), other.close()])
      // The first round compiles.
      if (round === 0) continue
      ms.firstTab.push(opened[0])
      ms.secondTab.push(opened[1])
      ms.answered.push(answered)
      ms.stored.push(stored)
    }
    const medians = Object.fromEntries(
      Object.entries(ms).map(([name, list]) => [name, Number(median(list).toFixed(1))]),
    )
    console.log(
      `ms: first tab ${medians.firstTab}, second ${medians.secondTab}, stored ${medians.stored}, answered ${medians.answered}`,
    )
    finish({ ms: medians, weight })
  } finally {
    await browser.close()
  }
}

function finish(ours) {
  console.log(JSON.stringify({ bench: 'browser-tabs', ours, peers: {}, ratios: {} }))
}
