/**
 * A small internet of network namespaces; see `docs/nat.md` for what it shows.
 *
 *                  public     11.0.0.1, and the hosts of `publicHosts`
 *                    |
 *     [ bridge, 11.0.0.0/24: the wires between providers ]
 *            |                       |
 *         nata .101               natb .102       routers, each of a kind
 *            |                       |
 *         hosta 10.1.0.2          hostb 10.2.0.2  (21.0.0.2 and 22.0.0.2 where there is no NAT)
 *
 * The addresses are such as providers give out, because stacks make no use of those that are
 * set aside for documentation, and each public host is in a network of its own, because
 * stacks do not believe two that are neighbours. Nothing of it can leave the namespaces.
 *
 * Works only inside the namespaces that `tools/netlab.mjs` makes: names and rules are not
 * taken away, they end with those.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Kinds of routers:
 *
 *   none       no NAT: the host has a public address, and everything is let in
 *   open       full cone: everything that comes to the router is passed on to the host
 *   moderate   port-restricted cone: one outside port for all destinations, answers only
 *   strict     symmetric: another outside port for each destination, answers only
 *   udpblock   as moderate, and drops UDP
 *   tcp443     as moderate, and lets out nothing but TCP to port 443
 */
export const kinds = ['none', 'open', 'moderate', 'strict', 'udpblock', 'tcp443']

/**
 * Links by name, in each direction: kbit/s, milliseconds one way, percent. What the words mean
 * is told by `tapem.c`. The ladder from `clean` to `absurd` is the one of iroh's tests.
 */
export const linkPresets = {
  clean: 'delay=0',
  'good-wifi': 'rate=100000 delay=8 loss=0.1 burst=2 queue=50',
  'congested-wifi': 'rate=25000 delay=20 jitter=12 loss=1 burst=6 queue=80',
  'weak-4g': 'rate=8000 delay=45 jitter=15 loss=2 burst=8 queue=180',
  'slow-3g': 'rate=3000 delay=100 jitter=30 loss=3 burst=10 queue=400',
  'congested-cellular': 'rate=1500 delay=150 jitter=40 loss=5 burst=12 queue=600',
  'very-bad-cellular': 'rate=800 delay=225 jitter=60 loss=8 burst=20 queue=900',
  satellite: 'rate=25000 delay=300 jitter=40 loss=1.5 burst=6 queue=600',
  'barely-usable': 'rate=500 delay=225 jitter=80 loss=12 burst=25 queue=900',
  absurd: 'rate=256 delay=400 jitter=150 loss=25 burst=40 queue=1600',
  hostile: 'rate=20000 delay=30 jitter=25 loss=2 dup=2 reorder=5 corrupt=1 order=0',
}

/** Where services that all can reach may listen. */
export const publicHosts = ['11.0.0.10', '12.0.0.10', '13.0.0.10', '14.0.0.10', '15.0.0.10']

/** Of both sides: the address of the router, and of its host. */
const sides = {
  a: { outside: '11.0.0.101', lan: '10.1.0', routed: '21.0.0' },
  b: { outside: '11.0.0.102', lan: '10.2.0', routed: '22.0.0' },
}

/** Where the sides are now; {@link changeOutside} moves them. */
let outsideNow = {}

/** Builds the lab anew: routers of other kinds, and no mapping that any of them remembers. */
export function buildLab(kindBySide, { isShaped = false } = {}) {
  stopShaper()
  execFileSync('ip', ['-all', 'netns', 'delete'])
  outsideNow = { a: sides.a.outside, b: sides.b.outside }
  makeNamespace('public')
  const more = publicHosts.map((host) => `addr add ${host}/32 dev core`)
  ip('public', ['link add core type bridge', 'link set core up', 'addr add 11.0.0.1/24 dev core'])
  ip('public', more)
  for (const side of Object.keys(sides)) buildSide(side, kindBySide[side], isShaped && side === 'a')
}

/** At which address the internet sees a side. */
export function outsideAddress(side) {
  return outsideNow[side]
}

/** Drops everything that passes the router of a side, and tells nobody; or lets it pass again. */
export function setSilent(side, isSilent) {
  const chain = 'chain forward {\ntype filter hook forward priority -5\ndrop\n}'
  const rules = isSilent ? `table ip silence {\n${chain}\n}` : 'delete table ip silence'
  at(`nat${side}`, ['nft', '-f', '-'], `${rules}\n`)
}

/** Pulls the cable between the router of a side and the public network, or puts it back: programs are told. */
export function setCable(side, isPlugged) {
  ip('public', [`link set to-${side} ${isPlugged ? 'up' : 'down'}`])
}

/** The provider gives the router of a side another address: every mapping is gone. Not for the kind `none`. */
export function changeOutside(side, address) {
  ip(`nat${side}`, [
    'addr flush dev wan',
    `addr add ${address}/24 dev wan`,
    'route replace default via 11.0.0.1',
  ])
  outsideNow[side] = address
}

/** The host of a side is in another network behind the same router, as after a change of the wireless network. */
export function changeInside(side) {
  const lan = sides[side].lan.replace('10.', '10.10')
  ip(`nat${side}`, [`addr add ${lan}.1/24 dev lan`])
  ip(`host${side}`, [
    'addr flush dev eth0',
    `addr add ${lan}.2/24 dev eth0`,
    `route replace default via ${lan}.1`,
  ])
}

/** Starts a program at `public`, `hosta` or `hostb`; the child is the program itself. */
export function spawnAt(place, command, args) {
  return spawn('ip', ['netns', 'exec', place, command, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

function buildSide(side, kind, isShaped) {
  const { outside, lan, routed } = sides[side]
  const [router, host, inside] = [`nat${side}`, `host${side}`, kind === 'none' ? routed : lan]
  makeNamespace(router)
  makeNamespace(host)
  ip('public', [
    `link add to-${side} type veth peer name wan netns ${router}`,
    `link set to-${side} master core up`,
    ...(kind === 'none' ? [`route add ${inside}.0/24 via ${outside}`] : []),
  ])
  ip(router, [
    'link set wan up',
    `addr add ${outside}/24 dev wan`,
    'route add default via 11.0.0.1',
    ...(isShaped ? [] : [`link add lan type veth peer name eth0 netns ${host}`]),
  ])
  if (isShaped) startShaper(host, router)
  ip(router, ['link set lan up', `addr add ${inside}.1/24 dev lan`])
  ip(host, [
    'link set eth0 up',
    `addr add ${inside}.2/24 dev eth0`,
    `route add default via ${inside}.1`,
  ])
  at(router, ['nft', '-f', '-'], routerRules(kind, `${inside}.2`))
}

/** What keeps links from being shaped here, or `undefined`. */
export function whatLinksNeed() {
  if (!existsSync('/dev/net/tun')) return 'links need /dev/net/tun'
  const { status, error, stderr } = spawnSync(
    'cc',
    ['-O2', '-o', shaperFile, fileURLToPath(new URL('tapem.c', import.meta.url))],
    { encoding: 'utf8' },
  )
  if (error) return 'links need a C compiler, cc (Debian package: gcc)'
  return status === 0 ? undefined : `links need tapem, which did not compile: ${stderr.trim()}`
}

/** What the link of side `a` is like from now on; only in a lab that was built with `isShaped`. */
export function setLink(side, words) {
  writeFileSync(shaperConfig, `both ${words}\n`)
  shaper.kill('SIGHUP')
}

/** A program that joins two network devices and shapes what passes between them. */
let shaper
const shaperFile = '/run/tapem'
const shaperConfig = '/run/tapem.conf'

function startShaper(host, router) {
  writeFileSync(shaperConfig, 'both delay=0\n')
  shaper = spawn(shaperFile, [host, 'eth0', router, 'lan', shaperConfig], { stdio: 'inherit' })
  // Synchronous like all of the lab: its devices are there within milliseconds.
  const wait =
    'for i in $(seq 100); do ip -n "$1" link show lan && exit 0; sleep 0.05; done; exit 1'
  execFileSync('sh', ['-c', wait, 'sh', router], { stdio: 'ignore' })
}

function stopShaper() {
  shaper?.kill('SIGTERM')
  shaper = undefined
}

function makeNamespace(name) {
  execFileSync('ip', ['netns', 'add', name])
  const off = 'net.ipv6.conf.all.disable_ipv6=1'
  at(name, ['sysctl', '-qw', off, 'net.ipv4.ip_forward=1'])
  ip(name, ['link set lo up'])
}

function ip(place, lines) {
  execFileSync('ip', ['-n', place, '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

function at(place, command, input = '') {
  execFileSync('ip', ['netns', 'exec', place, ...command], { input })
}

/** What makes a router of this kind, in the language of nftables. */
function routerRules(kind, host) {
  const forward = {
    udpblock: ['ip protocol udp drop'],
    tcp443: ['iifname "lan" tcp dport 443 accept', 'iifname "lan" drop'],
  }
  // Answers, and what a forwarded port lets in.
  const filter = [
    'iifname "wan" ct state established,related accept',
    'iifname "wan" ct status dnat accept',
    'iifname "wan" drop',
  ]
  const isNat = kind !== 'none'
  const masquerade = `oifname "wan" masquerade${kind === 'strict' ? ' fully-random' : ''}`
  return `table ip lab {
    chain input {
      type filter hook input priority 0
      ${/* One that is let in takes its port, and what is sent from inside gets another. */ ''}
      iifname "wan" ct state established,related accept
      iifname "wan" ip protocol icmp accept
      iifname "wan" drop
    }
    chain forward {
      type filter hook forward priority 0
      ${[...(forward[kind] ?? []), ...(isNat ? filter : [])].join('\n      ')}
    }
    chain prerouting {
      type nat hook prerouting priority -100
      ${kind === 'open' ? `iifname "wan" meta l4proto { tcp, udp } dnat to ${host}` : ''}
    }
    chain postrouting {
      type nat hook postrouting priority 100
      ${isNat ? masquerade : ''}
    }
  }\n`
}
