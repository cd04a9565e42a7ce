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
import { execFileSync, spawn } from 'node:child_process'

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

/** Where services that all can reach may listen. */
export const publicHosts = ['11.0.0.10', '12.0.0.10', '13.0.0.10', '14.0.0.10', '15.0.0.10']

/** Of both sides: the address of the router, and of its host. */
const sides = {
  a: { outside: '11.0.0.101', lan: '10.1.0', routed: '21.0.0' },
  b: { outside: '11.0.0.102', lan: '10.2.0', routed: '22.0.0' },
}

/** Builds the lab anew: routers of other kinds, and no mapping that any of them remembers. */
export function buildLab(kindBySide) {
  execFileSync('ip', ['-all', 'netns', 'delete'])
  makeNamespace('public')
  const more = publicHosts.map((host) => `addr add ${host}/32 dev core`)
  ip('public', ['link add core type bridge', 'link set core up', 'addr add 11.0.0.1/24 dev core'])
  ip('public', more)
  for (const side of Object.keys(sides)) buildSide(side, kindBySide[side])
}

/** At which address the internet sees a side. */
export function outsideAddress(side) {
  return sides[side].outside
}

/** Starts a program at `public`, `hosta` or `hostb`; the child is the program itself. */
export function spawnAt(place, command, args) {
  return spawn('ip', ['netns', 'exec', place, command, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

function buildSide(side, kind) {
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
    `link add lan type veth peer name eth0 netns ${host}`,
    'link set lan up',
    `addr add ${inside}.1/24 dev lan`,
  ])
  ip(host, [
    'link set eth0 up',
    `addr add ${inside}.2/24 dev eth0`,
    `route add default via ${inside}.1`,
  ])
  at(router, ['nft', '-f', '-'], routerRules(kind, `${inside}.2`))
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
