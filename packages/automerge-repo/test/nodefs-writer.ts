/** Writes a directory with automerge-repo's own NodeFS adapter, as an application would: `node nodefs-writer.ts <directory>`. */
import { Repo } from '@automerge/automerge-repo'
import { NodeFSStorageAdapter } from '@automerge/automerge-repo-storage-nodefs'
import process from 'node:process'

const repo = new Repo({ storage: new NodeFSStorageAdapter(process.argv[2]) })
const handle = repo.create<{ title: string; lines: string[] }>({ title: 'from NodeFS', lines: [] })
for (let at = 0; at < 5; at++) {
  handle.change((doc) => doc.lines.push(`line ${at}`))
  await repo.flush()
}
await repo.shutdown()
process.stdout.write(handle.url)
process.exit(0)
