/** The program of the worker. All else is imported later: a page that calls before it is there would not be heard. */
import { servePages } from '@vudo/sync/page-worker'

servePages(async () => {
  const { openNotes } = await import('./notes-engine.ts')
  return openNotes(self.name)
})
