import { isVudoError } from '@vudo/transport'
import { connectToNode } from '../control/client.ts'
import { isMap } from '../control/protocol.ts'
import { shortId, shownText } from '../output.ts'
import type { Finding } from './finding.ts'
import { describeBandwidth } from './profile.ts'

/** What the running node says of itself; `undefined` when there is none. */
export async function examineNode(dataDir: string): Promise<Finding[] | undefined> {
  try {
    await using node = await connectToNode(dataDir)
    const status = await node.call('status')
    return isMap(status) ? describeNode(status) : undefined
  } catch (error) {
    if (isVudoError(error) && error.code === 'ERR_NODE_NOT_RUNNING') return undefined
    throw error
  }
}

function describeNode(status: Record<string, unknown>): Finding[] {
  const peers = mapsIn(status['peers'])
  const sync = isMap(status['sync']) ? status['sync'] : {}
  return [
    {
      check: 'process',
      state: 'ok',
      message: `a node is running, process ${String(status['pid'])}`,
    },
    {
      check: 'peers',
      state: peers.length > 0 ? 'ok' : 'note',
      message: peers.length === 0 ? 'connected to nobody' : peers.map(describePeer).join('; '),
      hint: 'is another device online with the same ticket? Do both run, and does the firewall let TCP and UDP port 5353 pass?',
    },
    ...mapsIn(status['configuredPeers']).map(describeConfigured),
    {
      check: 'sync',
      state: 'ok',
      message: `${String(sync['state'])}, ${counted(sync['ahead'], 'change')} that nobody has confirmed, ${counted(sync['pendingBytes'], 'byte')} waiting`,
    },
    ...(isMap(status['bandwidth']) ? [describeLimit(status['bandwidth'])] : []),
  ]
}

function counted(count: unknown, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`
}

function describeLimit(bandwidth: Record<string, unknown>): Finding {
  return {
    check: 'bandwidth',
    state: bandwidth['isMetered'] === true ? 'note' : 'ok',
    message: describeBandwidth(bandwidth),
    hint: 'large transfers are slow while the connection is metered; vudo profile unmetered lifts it',
  }
}

function mapsIn(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isMap) : []
}

function describePeer(peer: Record<string, unknown>): string {
  const rtt = typeof peer['rttMs'] === 'number' ? `, round trip ${peer['rttMs'].toFixed(1)} ms` : ''
  const way = peer['relayed'] === true ? 'relayed' : 'direct'
  return `${shortId(String(peer['peerId']))} ${way} over ${shownText(String(peer['transport']))}${rtt}`
}

/** What no time will mend, and what to do; everything else may come right when the peer is there. */
const hints: Readonly<Record<string, string>> = {
  ERR_NO_SHARED_DATABASE: 'give both the same ticket: vudo ticket, and vudo node --database',
  ERR_NO_SHARED_TOPIC: 'give both the same ticket: vudo ticket, and vudo node --database',
  ERR_ADDRESS_INVALID: 'write the address as the other node prints it',
  ERR_NO_TRANSPORT: 'write an address that begins with the name of a transport that is there',
  ERR_PEER_SELF: 'it is the address of this node: give it that of another',
  ERR_HANDSHAKE_FAILED:
    'another program listens there: write the address that the other node prints',
  ERR_VERSION_MISMATCH: 'update the older of the two',
}

/** An address that was given with `--p2p-peer`. */
function describeConfigured(peer: Record<string, unknown>): Finding {
  const address = shownText(String(peer['address']))
  const { isConnected, code, message } = peer
  if (isConnected === true) {
    return { check: 'p2p-peer', state: 'ok', message: `${address} is connected` }
  }
  if (typeof code !== 'string') {
    const waiting = `${address} is not connected; it has not answered yet`
    return { check: 'p2p-peer', state: 'note', message: waiting, hint: 'look again in a moment' }
  }
  return {
    check: 'p2p-peer',
    state: Object.hasOwn(hints, code) ? 'bad' : 'note',
    message: `${address} is not connected: ${code}: ${shownText(String(message))}`,
    hint: hints[code] ?? 'does the node there run, and does its firewall let the port pass?',
  }
}
