/**
 * Records a second that a page keeps in IndexedDB: our store, with views, checksums and group
 * commit, beside the plain use of IndexedDB, one transaction a write. Same page, same records,
 * in turn; medians. Our entry for browsers is weighed as a bundler makes it.
 */
import { gzipSync } from 'node:zlib'
import { bundleForBrowsers, findChromium, openChromium } from '@vudo/chromium'
import { median } from './support/contest.mjs'

const rounds = 5
const loads = {
  batch: { records: 2_000, bytes: 200, perWrite: 2_000, isAwaited: false },
  small: { records: 2_000, bytes: 200, perWrite: 1, isAwaited: false },
  awaited: { records: 200, bytes: 200, perWrite: 1, isAwaited: true },
}

const entry = new URL(import.meta.resolve('@vudo/storage/browser'))
const bundle = [...(await bundleForBrowsers(entry, true)).values()].join('')
const weight = { bytes: bundle.length, gzip: gzipSync(bundle).length }
console.log(`entry for browsers: ${weight.bytes} bytes, ${weight.gzip} compressed`)

const { missing } = findChromium()
if (missing) {
  console.log(`skipped: ${missing}`)
  finish({ weight }, {}, {})
} else {
  const browser = await openChromium(new URL('support/store-page.ts', import.meta.url))
  try {
    const page = await browser.open()
    const perSecond = { ours: {}, plain: {} }
    for (const [name, load] of Object.entries(loads)) {
      const ms = { ours: [], plain: [] }
      for (let round = 0; round <= rounds; round += 1) {
        for (const side of ['ours', 'plain']) {
          const took = await page.call('measure', side, load)
          // The first round opens databases and compiles.
          if (round > 0) ms[side].push(took)
        }
      }
      for (const side of ['ours', 'plain']) {
        perSecond[side][name] = Math.round((load.records * 1_000) / median(ms[side]))
      }
      const { ours, plain } = perSecond
      console.log(`${name}: ours ${ours[name]}, plain IndexedDB ${plain[name]} records/s`)
    }
    const { ms, records } = await page.call('scan')
    const scan = Math.round((records * 1_000) / ms)
    console.log(`scan of ${records}: ${scan} records/s`)
    const { ours, plain } = perSecond
    const ratios = Object.fromEntries(
      Object.keys(loads).map((name) => [name, Number((ours[name] / plain[name]).toFixed(2))]),
    )
    finish({ ...ours, scan, weight }, { 'plain IndexedDB': plain }, ratios)
  } finally {
    await browser.close()
  }
}

function finish(ours, peers, ratios) {
  console.log(JSON.stringify({ bench: 'browser-store', ours, peers, ratios }))
}
