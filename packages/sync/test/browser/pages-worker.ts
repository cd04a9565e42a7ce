import { servePages } from '@vudo/sync/page-worker'

servePages(async () => {
  const { openEngine } = await import('./pages-engine.ts')
  return openEngine(JSON.parse(self.name))
})
