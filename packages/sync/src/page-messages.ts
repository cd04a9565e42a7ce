/** What a page and the worker that has its database say to each other, beside the link of the database itself. */
import type { SentError } from './link-messages.ts'
import type { VettingAnswer } from './vetting.ts'

/** What a page says first, to the worker as such. */
export interface PageHello {
  readonly type: 'vudo:page'
  /** One end of a channel, for everything else. */
  readonly port: MessagePort
  /** A Web Lock that the page holds for as long as it lives. */
  readonly lock: string
}

/** What the worker says. */
export type WorkerMessage =
  /** The page was heard, and the database is being opened. The worker holds `lock` for as long as it lives. */
  | { readonly type: 'heard'; readonly lock: string }
  /** The database is there: at the other end of `link`. */
  | { readonly type: 'opened'; readonly link: MessagePort }
  | { readonly type: 'failed'; readonly error: SentError }
  | { readonly type: 'thread-start'; readonly thread: number }
  | {
      readonly type: 'thread-post'
      readonly thread: number
      readonly pieces: readonly Uint8Array[]
    }
  | { readonly type: 'thread-end'; readonly thread: number }

/** What the page says of threads that it has lent. */
export type PageMessage =
  | { readonly type: 'thread-said'; readonly thread: number; readonly answer: VettingAnswer }
  | { readonly type: 'thread-failed'; readonly thread: number; readonly reason: string }
  | {
      readonly type: 'thread-lost'
      readonly thread: number
      readonly reason: string | undefined
    }

/** Tells whether a message of anybody is a {@link PageHello}. */
export function isPageHello(message: unknown): message is PageHello {
  const { type, port, lock }: Partial<Record<keyof PageHello, unknown>> = Object(message)
  return type === 'vudo:page' && port instanceof MessagePort && typeof lock === 'string'
}
