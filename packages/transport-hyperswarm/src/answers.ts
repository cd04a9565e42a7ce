import type { SecretStream } from 'hyperdht'
import { createDhtLink, greetedBefore, type DhtLink, type DhtLinkInit } from './dht-link.ts'
import { ANSWER_WAIT_MS, MAX_ANSWERS } from './limits.ts'

/**
 * Streams of a peer that come in while it is dialled. The library hands one up as soon as
 * a handshake has arrived, which proves nothing: it may be an old one, played back. So none
 * takes the place of our own dial before it has greeted.
 */
export interface Answers {
  /** The first that greets. Never rejects. */
  readonly first: Promise<DhtLink>
  /** Takes the stream over; false when `MAX_ANSWERS` wait already. */
  add(stream: SecretStream): boolean
  /**
   * Our own dial has failed: waits for those that have come in.
   *
   * @throws `failure` when all of them come to nothing.
   */
  orElse(failure: unknown): Promise<DhtLink>
  /**
   * Waits for those that have come in, but not longer than `ANSWER_WAIT_MS`. Until then our own
   * stream must not greet: to a peer that has made a connection of its stream already, it would be
   * a second one.
   */
  soon(): Promise<DhtLink | undefined>
  /** Ends all but the one that was chosen; true when that is one of them. */
  choose(link: DhtLink | undefined): boolean
}

/** What answers are made of, besides their stream. */
export interface AnswersInit extends Omit<DhtLinkInit, 'stream'> {
  /** The end of the dial. */
  readonly signal: AbortSignal
}

/** Begins with those that came in before the dial. */
export function createAnswers(
  { signal, ...rest }: AnswersInit,
  arrived: readonly DhtLink[],
): Answers {
  const first = Promise.withResolvers<DhtLink>()
  const links: DhtLink[] = []
  const greetings: Promise<DhtLink>[] = []
  const watch = (link: DhtLink): void => {
    links.push(link)
    const greeting = greetedBefore(signal, link).then(() => link)
    greetings.push(greeting)
    // One that does not greet is nothing; our own dial goes on.
    greeting.then(first.resolve, () => undefined)
  }
  arrived.forEach(watch)
  const orElse = async (failure: unknown): Promise<DhtLink> => {
    const known = greetings.length
    try {
      return await Promise.any(greetings)
    } catch {
      // Another one may have come meanwhile.
      if (greetings.length > known) return orElse(failure)
      throw failure
    }
  }
  return {
    first: first.promise,
    add(stream) {
      if (links.length >= MAX_ANSWERS) return false
      watch(createDhtLink({ ...rest, stream }))
      return true
    },
    orElse,
    async soon() {
      const late = Promise.withResolvers<undefined>()
      const timer = setTimeout(() => late.resolve(undefined), ANSWER_WAIT_MS)
      try {
        const known = orElse(undefined).catch(() => undefined)
        return await Promise.race([first.promise, known, late.promise])
      } finally {
        clearTimeout(timer)
      }
    },
    choose(chosen) {
      for (const link of links) if (link !== chosen) link.destroy()
      return chosen !== undefined && links.includes(chosen)
    },
  }
}
