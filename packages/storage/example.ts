import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openStore } from '@vudo/storage'

const directory = await mkdtemp(path.join(tmpdir(), 'vudo-example-'))
const store = await openStore({ directory })

const key = new TextEncoder().encode('greeting')
await store.write([{ type: 'put', key, value: new TextEncoder().encode('hello') }])
console.log(new TextDecoder().decode(await store.get(key))) // hello: it is on the disk

await store.close()
await rm(directory, { recursive: true })
