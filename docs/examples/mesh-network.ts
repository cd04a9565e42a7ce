/**
 * Five nodes; each knows one neighbour's address at the start, and an edit of any
 * reaches all: what a peer receives it passes on.
 */
import { createP2P, type P2P } from '@vudo/p2p'

type Board = { marks: Record<string, boolean> }

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
} as const

const nodes: P2P[] = []
for (let i = 0; i < 5; i++) {
  const before = nodes.at(-1)
  const node = await createP2P({
    ...local,
    database: nodes[0]?.ticket,
    bootstrapNodes: before?.addresses.slice(0, 1) ?? [],
  })
  await node.start()
  nodes.push(node)
}

const boards = await Promise.all(nodes.map((node) => node.open<Board>('boards/one', { marks: {} })))
for (const [i, board] of boards.entries()) {
  board.change((draft) => {
    draft.marks[`node ${i + 1}`] = true
  })
}

await Promise.all(
  boards.map(async (board) => {
    if (Object.keys(board.current.marks).length === 5) return
    for await (const { origin } of board.changes()) {
      if (origin !== 'local' && Object.keys(board.current.marks).length === 5) break
    }
  }),
)
console.log(
  'all five see:',
  Object.keys(boards[4]?.current.marks ?? {})
    .toSorted()
    .join(', '),
)
await Promise.all(nodes.map((node) => node.stop()))
