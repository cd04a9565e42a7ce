import { isGossipError } from '@vudo/gossip'

/** True when a decoder refuses. Only the typed refusal may come out of one. */
export function refuses(decode: () => unknown): boolean {
  try {
    decode()
    return false
  } catch (error) {
    if (isGossipError(error) && error.code === 'ERR_GOSSIP_PROTOCOL') return true
    throw error
  }
}
