import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { mdns, type MdnsDiscovery, type MdnsOptions } from '@vudo/discovery-mdns'

/** A port of this test's own: tests that run at the same time do not hear each other. */
export function freshPort(): number {
  return 20_000 + Math.floor(Math.random() * 40_000)
}

/** A discovery on loopback that is closed with the test. */
export function onLoopback(options: MdnsOptions): MdnsDiscovery {
  const discovery = mdns({ interface: '127.0.0.1', ...options })
  onTestFinished(() => discovery.close())
  return discovery
}

/** Sends bytes to the group on loopback, as anybody on the network can. */
export async function multicast(port: number, packets: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.setMulticastInterface('127.0.0.1')
  for (const packet of packets) {
    await new Promise<void>((resolve, reject) => {
      socket.send(packet, port, '224.0.0.251', (error) => (error ? reject(error) : resolve()))
    })
  }
  socket.close()
}

/** Collects every datagram to the group from now on. */
export async function eavesdrop(port: number): Promise<{ readonly packets: readonly Buffer[] }> {
  const packets: Buffer[] = []
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  onTestFinished(() => void socket.close())
  socket.bind(port, '0.0.0.0')
  await once(socket, 'listening')
  socket.addMembership('224.0.0.251', '127.0.0.1')
  socket.on('message', (packet) => packets.push(packet))
  return { packets }
}

/** Waits until `read` gives something true. */
export async function until(read: () => boolean): Promise<void> {
  const endMs = Date.now() + 20_000
  while (!read()) {
    if (Date.now() > endMs) throw new Error('it did not happen within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
