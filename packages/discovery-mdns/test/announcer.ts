/**
 * A process that announces one record and tells its id on the channel to its parent.
 * Arguments: the port and the topic in hex.
 */
import { mdns } from '@vudo/discovery-mdns'
import { createRecord } from './nodes.ts'

const [port, topic] = process.argv.slice(2)
const discovery = mdns({ interface: '127.0.0.1', port: Number(port) })
const record = createRecord()
process.send?.(record.peerId)
await discovery.announce(Buffer.from(topic ?? '', 'hex'), record)
process.once('disconnect', () => void discovery.close())
