/**
 * Runs one scenario of the network lab: `npm run netlab -- <scenario> [flags]`; without a
 * name it lists them. A scenario prints what people read and, as its last line, what
 * programs read: {"netlab", "results", …}, or {"netlab", "skipped"} where this machine
 * cannot run the lab.
 *
 * Everything runs in Linux namespaces of its own: network, mounts and processes. They end
 * with the first process inside, which ends with this one, however it ends. So nothing is
 * left behind, and nothing outside is touched or reached. Root is not needed where users
 * may make namespaces.
 */
import { spawn, spawnSync } from 'node:child_process'
import process from 'node:process'
import { parseLogs } from './netlab/support/scene.mjs'

const scenarios = {
  'nat-pairs': () => import('./netlab/nat-pairs.mjs'),
  matrix: () => import('./netlab/matrix.mjs'),
  'udp-blocked': () => import('./netlab/udp-blocked.mjs'),
  'only-443': () => import('./netlab/only-443.mjs'),
  'address-change': () => import('./netlab/address-change.mjs'),
  outage: () => import('./netlab/outage.mjs'),
  partition: () => import('./netlab/partition.mjs'),
  links: () => import('./netlab/links.mjs'),
}

/** Set in the process inside. */
const mark = 'VUDO_NETLAB_INSIDE'
const [name, ...flags] = process.argv.slice(2).filter((arg, at) => !(at === 0 && arg === '--'))
if (name === undefined) {
  console.log('npm run netlab -- <scenario> [flags], with one of these names:')
  for (const known of Object.keys(scenarios)) console.log(`  ${known}`)
} else if (!Object.hasOwn(scenarios, name)) {
  console.error(`no scenario ${name}; there are: ${Object.keys(scenarios).join(', ')}`)
  process.exitCode = 2
} else if (process.env[mark] === '1') {
  await runInside()
} else {
  await runIsolated()
}

async function runInside() {
  // The first process of a namespace dies of no signal that it does not ask for.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))
  // The one outside holds the other end: killed or not, its end is seen here.
  process.stdin.on('end', () => process.exit(130)).resume()
  const { run } = await scenarios[name]()
  process.exit(await run(flags))
}

async function runIsolated() {
  // Before anything else: a mistake is one on every machine, whether it can run the lab or not.
  const mistake = await mistakeIn(flags)
  if (mistake !== undefined) {
    console.error(mistake)
    process.exitCode = 2
    return
  }
  const missing = whatIsMissing()
  if (missing !== undefined) {
    console.log(`skipped: ${missing}`)
    console.log(JSON.stringify({ netlab: name, skipped: missing }))
    return
  }
  const [command, ...args] = isolated(process.execPath, ...process.argv.slice(1))
  const child = spawn(command, args, {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [mark]: '1' },
  })
  // A terminal tells everybody; a signal to this process alone is passed on as the end of the input.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => void child.stdin.end())
  }
  const ended = Promise.withResolvers()
  child.on('exit', (status) => ended.resolve(status ?? 130))
  child.on('error', ended.reject)
  child.stdin.on('error', () => undefined)
  process.exitCode = await ended.promise
}

/** Some scenarios take flags of their own, the others only the one for their logs. */
async function mistakeIn(args) {
  const { parsePlan = parseLogs } = await scenarios[name]()
  try {
    return parsePlan(args)?.mistake
  } catch (error) {
    return error.message
  }
}

/** The command that runs another one in namespaces of its own, with a `/run` of its own for their names. */
function isolated(...command) {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? [] : ['--map-root-user']
  const spaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const prepared = ['sh', '-c', 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"', 'sh']
  return ['unshare', ...user, ...spaces, ...prepared, ...command]
}

/** Tries it, because no list of permissions says whether it works. */
function whatIsMissing() {
  if (process.platform !== 'linux') return 'the network lab needs Linux'
  const tools = ['unshare', 'mount', 'ip', 'nft'].filter((tool) => !isThere(tool))
  if (tools.length > 0) {
    return `the network lab needs ${tools.join(', ')} (Debian packages: util-linux, mount, iproute2, nftables)`
  }
  const rules = 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; }'
  const masquerade = 'add rule ip t c masquerade fully-random'
  const attempt = `ip netns add t && ip netns exec t nft '${rules}; ${masquerade}'`
  const [command, ...args] = isolated('sh', '-c', attempt)
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })
  if (status === 0) return undefined
  const [why = ''] = (stderr || String(error)).trim().split('\n')
  return `this machine lets nobody make network namespaces with NAT here: ${why}`
}

function isThere(tool) {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool]).status === 0
}
