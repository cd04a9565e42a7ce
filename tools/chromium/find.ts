/**
 * Finds the machine's own Chromium, and says why when it does not: nothing is downloaded,
 * and tests that need a browser skip where there is none.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'

/** A Chromium, or the reason why tests that need one skip. */
export type FoundChromium =
  | { readonly path: string; readonly missing?: undefined }
  | { readonly path?: undefined; readonly missing: string }

const commands = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
]
const programs: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: ['ProgramFiles', 'ProgramFiles(x86)', 'LocalAppData'].flatMap((name) =>
    [
      String.raw`Chromium\Application\chrome.exe`,
      String.raw`Google\Chrome\Application\chrome.exe`,
      String.raw`Microsoft\Edge\Application\msedge.exe`,
    ].map((program) => path.win32.join(process.env[name] ?? 'C:', program)),
  ),
}

/**
 * Chromium, Chrome or Edge as `VUDO_CHROMIUM` names it, or in the usual places. `VUDO_CHROMIUM=none`
 * goes without.
 *
 * @throws `Error` when `VUDO_CHROMIUM` names a file that is not there: somebody wants these tests to run.
 */
export function findChromium(environment: NodeJS.ProcessEnv = process.env): FoundChromium {
  const named = environment['VUDO_CHROMIUM'] ?? ''
  if (named === 'none') return { missing: 'VUDO_CHROMIUM=none' }
  if (named !== '') {
    if (existsSync(named)) return { path: named }
    throw new Error(`VUDO_CHROMIUM is ${named}, and there is no such file`)
  }
  const folders = (environment['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
  const places = [
    ...commands.flatMap((command) => folders.map((folder) => path.join(folder, command))),
    ...(programs[process.platform] ?? []),
  ]
  const found = places.find((place) => existsSync(place))
  if (found !== undefined) return { path: found }
  return { missing: 'no Chromium, Chrome or Edge was found; VUDO_CHROMIUM=<program> names one' }
}

/** How every test starts it. Names resolve to nothing, so that no page and no service of the browser leaves the machine. */
export function chromiumArguments(): string[] {
  return [
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-gpu',
    '--disable-quic',
    '--disable-sync',
    '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost',
    '--no-first-run',
    '--no-proxy-server',
    // Chromium refuses to run as root with its sandbox.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ]
}
