/** The sentence of a receipt. It counts devices that are known, and never says "everywhere". */
import { MAX_RECEIPT_DATES } from '../limits.ts'

/** What the sentence is about. */
export interface ReceiptFigures {
  /** Devices that have erased, this one included. */
  readonly erased: number
  /** When each other known device was last seen, in milliseconds since 1970. */
  readonly waitingSinceMs: readonly number[]
  /** Other devices, which are not among the known ones for want of room. */
  readonly unlisted: number
  /** When it was erased here. Who was seen after that is late, and not away. */
  readonly erasedAtMs: number
  /** Now: dates of another year are written with it. */
  readonly nowMs: number
}

/** `Erased on 5 of 7 known devices; 2 not seen since 3 March.` Dates are of UTC. */
export function receiptSentence(figures: ReceiptFigures): string {
  const { erased, waitingSinceMs, unlisted, erasedAtMs } = figures
  const known = erased + waitingSinceMs.length
  const away = waitingSinceMs.filter((seenMs) => seenMs < erasedAtMs)
  const late = waitingSinceMs.length - away.length
  const rest = [
    ...awayParts(away, figures.nowMs),
    ...(late > 0 ? [`${late} seen since, not confirmed yet`] : []),
    ...(unlisted > 0 ? [`${unlisted} more not listed`] : []),
  ]
  const noun = known === 1 ? 'device' : 'devices'
  const tail = rest.length > 0 ? `; ${rest.join(', ')}` : ''
  return `Erased on ${erased} of ${known} known ${noun}${tail}.`
}

function awayParts(seenMs: readonly number[], nowMs: number): string[] {
  const countByDate = new Map<string, number>()
  for (const ms of seenMs.toSorted((a, b) => a - b)) {
    const date = dateText(ms, nowMs)
    countByDate.set(date, (countByDate.get(date) ?? 0) + 1)
  }
  const parts = [...countByDate].map(([date, count]) => ({ date, count }))
  const shown = parts
    .slice(0, MAX_RECEIPT_DATES)
    .map(({ date, count }) => `${count} not seen since ${date}`)
  const others = parts.slice(MAX_RECEIPT_DATES)
  const [first] = others
  if (!first) return shown
  const count = others.reduce((sum, one) => sum + one.count, 0)
  // They come in the order of time: what holds for the first one's date holds for all of these.
  return [...shown, `${count} not seen since ${first.date} or later`]
}

const months =
  'January February March April May June July August September October November December'.split(' ')

function dateText(ms: number, nowMs: number): string {
  const date = new Date(ms)
  const day = `${date.getUTCDate()} ${months[date.getUTCMonth()]}`
  const year = date.getUTCFullYear()
  return year === new Date(nowMs).getUTCFullYear() ? day : `${day} ${year}`
}
