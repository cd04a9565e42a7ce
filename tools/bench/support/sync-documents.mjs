/** The documents of the sync benches, the same for every contender. */

const words =
  'river stone window paper garden silver winter carry listen simple number yellow market father between letter corner summer engine bridge salt quiet travel mirror copper forest always answer kitchen hollow'.split(
    ' ',
  )

/** What document `i` begins with: the same text in each, or, when `varied`, words of its own. */
export function content(i, varied) {
  const body = varied ? text(i) : `Lorem ipsum dolor sit amet, consectetur adipiscing elit ${i}`
  return { title: `Document ${i}`, body, tags: ['a', 'b'], done: false }
}

/** The two edits after it. */
export const laterEdits = [
  (doc) => {
    doc.done = true
  },
  (doc) => {
    doc.title += '!'
  },
]

/** Ten words chosen by `i`. */
function text(i) {
  let state = (i + 1) * 2_654_435_761
  return Array.from({ length: 10 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return words[(state >>> 8) % words.length]
  }).join(' ')
}
