/** Why channels end early or do not come about. */
import type { ChannelState } from './channel-state.ts'
import { NetworkError } from './errors.ts'
import { MAX_CHANNELS } from './limits.ts'

/** The peer has ended a channel early, or did not take it. */
export function resetByPeer(channel: ChannelState, code: string): NetworkError {
  const isRefusal = channel.isLocal && !channel.isOpenAcknowledged
  return new NetworkError(
    isRefusal ? 'ERR_CHANNEL_REFUSED' : 'ERR_CHANNEL_RESET',
    `the peer ${isRefusal ? 'refused' : 'reset'} channel "${channel.protocol}": ${code}`,
    { peerCode: code },
  )
}

/** The peer came back and did not name the channel. */
export function forgottenByPeer(channel: ChannelState): NetworkError {
  return new NetworkError('ERR_CHANNEL_RESET', `the peer reset channel "${channel.protocol}"`)
}

/** A channel ends because its database is not shared any more. */
export function leftDatabase(): NetworkError {
  return new NetworkError('ERR_NOT_MEMBER', 'the database of the channel was left by one end')
}

/** The database of the channel that is to be opened is not shared. */
export function notProven(): NetworkError {
  return new NetworkError('ERR_NOT_MEMBER', 'the peer has not proven to have the database', {
    hint: 'open channels after the event database:shared',
  })
}

/** This end has as many channels as it may have. */
export function tooManyChannels(): NetworkError {
  return new NetworkError('ERR_LIMIT', `${MAX_CHANNELS} channels are open, no more are allowed`, {
    hint: 'close channels that are not needed',
  })
}
