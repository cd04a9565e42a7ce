/** Who may use a relay. Every rule that is set must let a client in. */
import { timingSafeEqual, sha256 } from '@vudo/identity'
import { ACCESS_TIMEOUT_MS, MAX_ACCESS_CALLS } from './limits.ts'
import { denials, type Denial } from './wire.ts'

/** Rules for access; without any, everybody who proves a key is let in. */
export interface AccessRules {
  /** Peer ids that may come; all others may not. */
  readonly allowKeys?: ReadonlySet<string> | undefined
  /** Peer ids that may not come. */
  readonly denyKeys?: ReadonlySet<string> | undefined
  /** What every client has to present. */
  readonly token?: string | undefined
  /**
   * Asked about every client: a POST of `{"key", "address"}` in JSON. Any 2xx lets it in,
   * 401 and 403 do not, everything else and no answer within 3 s does not for now.
   */
  readonly callOut?: URL | undefined
}

/** A client at the door. */
export interface Applicant {
  readonly key: string
  readonly address: string
  readonly token: Uint8Array
}

/** Why not, in words for its owner. */
export interface Refusal {
  readonly denial: Denial
  readonly reason: string
}

/** See {@link createAccess}. */
export interface Access {
  /** Whether the token is right; before anything that costs. */
  hasToken(token: Uint8Array): boolean
  /** @returns Why not, or `undefined`. */
  check(applicant: Applicant): Promise<Refusal | undefined>
}

/** Makes the guard of `rules`. */
export function createAccess(rules: AccessRules): Access {
  const expected = rules.token === undefined ? undefined : sha256(Buffer.from(rules.token))
  let calls = 0
  return {
    // Digests, so that the time tells nothing of the length either.
    hasToken: (token) => expected === undefined || timingSafeEqual(sha256(token), expected),
    async check({ key, address }) {
      if (rules.denyKeys?.has(key) === true || rules.allowKeys?.has(key) === false)
        return notThisKey
      if (!rules.callOut) return undefined
      if (calls >= MAX_ACCESS_CALLS) return noAnswer
      calls += 1
      try {
        return await ask(rules.callOut, { key, address })
      } catch {
        // Whatever is wrong with the service: without its word nobody is let in.
        return noAnswer
      } finally {
        calls -= 1
      }
    },
  }
}

const notThisKey: Refusal = { denial: denials.key, reason: 'this key may not use this relay' }
const noAnswer: Refusal = {
  denial: denials.unavailable,
  reason: 'the access service does not answer; try again later',
}

async function ask(url: URL, question: object): Promise<Refusal | undefined> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(question),
    redirect: 'error',
    signal: AbortSignal.timeout(ACCESS_TIMEOUT_MS),
  })
  await response.body?.cancel()
  if (response.ok) return undefined
  return response.status === 401 || response.status === 403 ? notThisKey : noAnswer
}
