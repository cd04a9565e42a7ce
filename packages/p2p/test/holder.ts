/** Holds a data directory until its parent lets go: `node holder.ts <folder>`. */
import process from 'node:process'
import { createP2P } from '@vudo/p2p'

const node = await createP2P({ dataDir: process.argv[2] })
process.once('disconnect', () => void node.stop())
process.send?.('open')
