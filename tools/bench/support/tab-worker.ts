import { servePages } from '@vudo/sync/page-worker'

servePages(async () => {
  const { openEngine } = await import('./tab-engine.ts')
  return openEngine()
})
