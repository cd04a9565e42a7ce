import { describe, expect, it } from 'vitest'
import {
  ANNOUNCE_INTERVAL_MS,
  DOCUMENT_ANNOUNCE_INTERVAL_MS,
  MAX_ANNOUNCED_DOCUMENTS,
  MAX_LOOKS,
  MAX_PENDING_ANNOUNCEMENTS,
  MAX_PULL_LOOKS,
  MAX_PULLS,
  MAX_WANTED_DOCUMENTS,
  MAX_WANTED_PER_AUTHOR,
  NEWS_DELAY_MS,
  NEWS_SPREAD_MS,
  PULL_LOOK_MS,
} from '@vudo/gossip'
import { DocumentNews, type NewsEffect } from '../../src/announcements/document-news.ts'

const name = (number: number, characters: number): string =>
  number.toString(16).padStart(characters, '0')
const document = (number: number): string => name(number, 32)
const head = (number: number): string => name(number, 64)
const peer = (number: number): string => name(number, 64)

function makeNews(connected: readonly string[] = []): DocumentNews {
  return new DocumentNews({
    isConnected: (peerId) => connected.includes(peerId),
    random: () => 0.5,
  })
}

function change(
  news: DocumentNews,
  id: number,
  nowMs: number,
  isOwn = true,
): readonly NewsEffect[] {
  return news.handle({ type: 'changed', id: document(id), heads: [head(nowMs)], isOwn }, nowMs)
}

function hear(
  news: DocumentNews,
  from: number,
  what: { readonly id: number; readonly head: number },
  nowMs: number,
): readonly NewsEffect[] {
  const documents = [{ id: document(what.id), heads: [head(what.head)] }]
  const message = { addresses: [`tcp://10.0.0.${from}:1`], documents }
  return news.handle({ type: 'message', author: peer(from), message }, nowMs)
}

function announced(effects: readonly NewsEffect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.type === 'publish' ? effect.documents.map(({ id }) => id) : [],
  )
}

/** Turns the clock to `untilMs`; looks find nothing, dials end at once. */
function run(news: DocumentNews, untilMs: number, isHere = false): readonly NewsEffect[] {
  const seen: NewsEffect[] = []
  const todo: NewsEffect[] = []
  let nowMs = 0
  for (;;) {
    const next = todo.shift()
    if (next === undefined) {
      if (news.wakeAtMs > untilMs) return seen
      nowMs = Math.max(nowMs, news.wakeAtMs)
      todo.push(...news.handle({ type: 'tick' }, nowMs))
      continue
    }
    seen.push(next)
    if (next.type === 'look') {
      todo.push(...news.handle({ type: 'looked', id: next.id, heads: next.heads, isHere }, nowMs))
    } else if (next.type === 'connect') {
      todo.push(...news.handle({ type: 'dialled', peerId: next.peerId }, nowMs))
    }
  }
}

describe('what a node announces', () => {
  it('is a change of its own, at once', () => {
    expect(announced(change(makeNews(), 1, 0))).toEqual([document(1)])
  })

  it('is the same document only now and then, with its newest heads at the end', () => {
    const news = makeNews()
    change(news, 1, 0)
    for (let nowMs = 10; nowMs < DOCUMENT_ANNOUNCE_INTERVAL_MS; nowMs += 10) {
      expect(announced(change(news, 1, nowMs))).toEqual([])
    }
    expect(run(news, 10_000)).toEqual([
      {
        type: 'publish',
        documents: [{ id: document(1), heads: [head(DOCUMENT_ANNOUNCE_INTERVAL_MS - 10)] }],
      },
    ])
  })

  it('is many documents in few messages', () => {
    const news = makeNews()
    for (let id = 0; id < 1_000; id++) change(news, id, 0)
    const messages = run(news, 60_000)
    expect(announced(messages)).toHaveLength(999)
    expect(messages).toHaveLength(Math.ceil(999 / MAX_ANNOUNCED_DOCUMENTS))
    expect(news.wakeAtMs).toBe(Infinity)
  })

  it('is bounded in number and rate', () => {
    const news = makeNews()
    for (let id = 0; id < 2 * MAX_PENDING_ANNOUNCEMENTS; id++) change(news, id, 0)
    const early = run(news, 4 * ANNOUNCE_INTERVAL_MS)
    expect(early).toHaveLength(4)
    expect(announced([...early, ...run(news, 600_000)])).toHaveLength(MAX_PENDING_ANNOUNCEMENTS)
  })

  it('is what came from others later, and not when others have done it', () => {
    const alone = makeNews()
    expect(announced(change(alone, 1, 7, false))).toEqual([])
    expect(announced(run(alone, NEWS_DELAY_MS + NEWS_SPREAD_MS + 7))).toEqual([document(1)])

    const among = makeNews()
    change(among, 1, 7, false)
    hear(among, 1, { id: 1, head: 7 }, 100)
    hear(among, 2, { id: 1, head: 7 }, 200)
    expect(announced(run(among, 60_000, true))).toEqual([])
  })
})

describe('what a node pulls', () => {
  it('is what is still missing after a while, from one of those who have it', () => {
    const news = makeNews()
    expect(hear(news, 1, { id: 1, head: 1 }, 0)).toEqual([])
    hear(news, 2, { id: 1, head: 1 }, 10)
    const look = news.handle({ type: 'tick' }, news.wakeAtMs)
    expect(look).toEqual([{ type: 'look', id: document(1), heads: [head(1)] }])
    expect(
      news.handle({ type: 'looked', id: document(1), heads: [head(1)], isHere: false }, 2_000),
    ).toEqual([{ type: 'connect', peerId: peer(2), addresses: ['tcp://10.0.0.2:1'] }])
    news.handle({ type: 'dialled', peerId: peer(2) }, 2_100)
    const again = news.handle({ type: 'tick' }, 2_000 + PULL_LOOK_MS)
    expect(again).toMatchObject([{ type: 'look' }])
    expect(
      news.handle({ type: 'looked', id: document(1), heads: [head(1)], isHere: true }, 8_000),
    ).toEqual([])
    expect(news.wantedCount).toBe(0)
  })

  it('is nothing when it has come by itself, or is on its way', () => {
    const news = makeNews()
    hear(news, 1, { id: 1, head: 1 }, 0)
    expect(run(news, 60_000, true).map(({ type }) => type)).toEqual(['look'])

    const neighbour = makeNews([peer(1)])
    hear(neighbour, 1, { id: 1, head: 1 }, 0)
    expect(run(neighbour, 600_000).some(({ type }) => type === 'connect')).toBe(false)
  })

  it('is given up in the end, and never costs more than it may', () => {
    const news = makeNews()
    hear(news, 1, { id: 1, head: 1 }, 0)
    const seen = run(news, 3_600_000)
    expect(seen.filter(({ type }) => type === 'look')).toHaveLength(MAX_PULL_LOOKS)
    expect(seen.filter(({ type }) => type === 'connect')).toHaveLength(1)
    expect(news.wakeAtMs).toBe(Infinity)
  })

  it('is bounded whatever is announced', () => {
    const news = makeNews()
    for (let i = 0; i < 2 * MAX_WANTED_DOCUMENTS; i++) hear(news, i, { id: i, head: i }, 0)
    expect(news.wantedCount).toBe(MAX_WANTED_DOCUMENTS)
    const looks = news.handle({ type: 'tick' }, 10_000)
    expect(looks).toHaveLength(MAX_LOOKS)
    const dials = looks.flatMap((effect) =>
      effect.type === 'look'
        ? news.handle({ type: 'looked', id: effect.id, heads: effect.heads, isHere: false }, 10_000)
        : [],
    )
    expect(dials.filter(({ type }) => type === 'connect')).toHaveLength(MAX_PULLS)
  })

  it('is looked for although its author goes on typing', () => {
    const news = makeNews()
    let looks = 0
    for (let nowMs = 0; nowMs < 10_000; nowMs += 500) {
      looks += hear(news, 1, { id: 1, head: nowMs }, nowMs).length
    }
    expect(looks).toBeGreaterThan(0)
  })

  it('is dialled for although a neighbour only says that it has it', () => {
    const news = makeNews([peer(2)])
    hear(news, 1, { id: 1, head: 1 }, 0)
    hear(news, 2, { id: 1, head: 1 }, 0)
    const dials = run(news, 60_000).filter(({ type }) => type === 'connect')
    expect(dials).toMatchObject([{ peerId: peer(1) }])
  })

  it('is dialled for although somebody makes up other heads', () => {
    const news = makeNews([peer(2)])
    hear(news, 1, { id: 1, head: 1 }, 0)
    hear(news, 2, { id: 1, head: 2 }, 0)
    const dials = run(news, 60_000).filter(({ type }) => type === 'connect')
    expect(dials).toMatchObject([{ peerId: peer(1) }])
  })

  it('is not forgotten for the flood of one author', () => {
    const news = makeNews()
    hear(news, 1, { id: 0, head: 1 }, 0)
    for (let id = 1; id <= MAX_WANTED_DOCUMENTS; id++) hear(news, 2, { id, head: 1 }, 0)
    expect(news.wantedCount).toBe(1 + MAX_WANTED_PER_AUTHOR)
    const dials = run(news, 60_000).filter(({ type }) => type === 'connect')
    expect(dials).toContainEqual(expect.objectContaining({ peerId: peer(1) }))
  })
})

describe('what one author repeats', () => {
  it('does not silence other holders', () => {
    const news = makeNews()
    change(news, 1, 7, false)
    for (let nowMs = 100; nowMs < 200; nowMs += 10) hear(news, 1, { id: 1, head: 7 }, nowMs)
    expect(announced(run(news, 60_000, true))).toEqual([document(1)])
  })
})
