import { createEventHub } from '@vudo/events'

const hub = createEventHub<{ 'peer:connected': { peerId: string }; 'peer:gone': string }>()

hub.on('peer:connected', ({ peerId }) => console.log(`listener: ${peerId}`))
const everything = hub.subscribe({ bufferSize: 16 })

console.log(hub.publish('peer:connected', { peerId: 'a1' })) // { delivered: 2, dropped: 0 }
hub.close()

for await (const event of everything) console.log(event.type, everything.dropped)
