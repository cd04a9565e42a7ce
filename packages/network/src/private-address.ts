/**
 * Which addresses lead into a private network. A record is signed by the peer that it is
 * about, and nothing keeps that peer from naming `127.0.0.1:631` or the router of whoever
 * reads it. So private addresses are dialled only when they come from the local network
 * itself or from a peer that has proven a common database (`peer-book.ts`).
 *
 * Host names count as private in the schemes that look them up: where a name leads is
 * known only after it was looked up, and its owner decides.
 */
import type { Address } from '@vudo/transport'

/** Schemes whose addresses hold a host that is looked up. */
const lookingUp = new Set(['tcp', 'libp2p', 'ws', 'wss', 'http', 'https', 'quic', 'udp'])

/**
 * The part of an address that may be dialled on the word of a stranger.
 *
 * @returns The address; without the parameters that lead into a private network; or
 *   `undefined` when nothing public is left.
 */
export function publicPart(address: Address): Address | undefined {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/s.exec(address) ?? []
  // It names one of this node's own relays, or none: nobody is dialled because of it.
  if (scheme === 'relay') return address
  const [base, query] = splitOnce(rest, '?')
  if (!isPublicText(base, lookingUp.has(scheme))) return undefined
  if (query === undefined) return address
  const all = query.split('&')
  // A relay's URL may have a name: it is asked for a connection to a proven key, and for nothing else.
  const open = all.filter((one) => isPublicText(decoded(one), false))
  if (open.length === all.length) return address
  return open.length === 0 ? undefined : `${scheme}://${base}?${open.join('&')}`
}

/** The host that a dial of the address meets, for counting; the whole address where it names none. */
export function hostOf(address: Address): string {
  const text = address.slice(address.indexOf('://') + 3)
  return hostsIn(text)[0] ?? /^[^/:?]+/.exec(text)?.[0] ?? address
}

function isPublicText(text: string, isLookedUp: boolean): boolean {
  const hosts = hostsIn(text)
  if (hosts.some((host) => isPrivateHost(host))) return false
  if (/(?:^|[/@=.])localhost(?:[:/]|$)/i.test(text)) return false
  // Without a literal it is a name, or a way of writing an address that a resolver may understand.
  return hosts.length > 0 || !isLookedUp || /^[0-9a-f]{64}$/.test(text)
}

/** Every IP address that is written in the text, IPv6 in brackets or in a multiaddr. */
function hostsIn(text: string): string[] {
  const six = [...text.matchAll(/\[([0-9a-f:.]+)(?:%[^\]]*)?\]|\/ip6\/([0-9a-f:.]+)/gi)]
  const four = text.replaceAll(/\[[^\]]*\]|\/ip6\/[0-9a-f:.]+/gi, ' ')
  return [
    ...six.map(([, bracketed, multiaddr]) => bracketed ?? multiaddr ?? ''),
    ...[...four.matchAll(/(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])/g)].map(([host]) => host),
  ]
}

function isPrivateHost(host: string): boolean {
  return host.includes(':') ? isPrivateIPv6(host) : isPrivateIPv4(host)
}

/** RFC 6890 and what came after: everything that is not one host of the public internet. */
function isPrivateIPv4(host: string): boolean {
  const [a = 256, b = 256, c = 256] = host.split('.').map(Number)
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    a >= 224 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && (b === 168 || (b === 0 && c === 0))) ||
    (a === 198 && (b === 18 || b === 19))
  )
}

function isPrivateIPv6(host: string): boolean {
  const url = `http://[${host}]/`
  if (!URL.canParse(url)) return true
  const groups = expand(new URL(url).hostname.slice(1, -1))
  const [first = 0] = groups
  // Mapped, compatible and NAT64 addresses lead to the IPv4 address in their last two groups.
  const isEmbedded = groups.slice(0, 5).every((group) => group === 0) && first === 0
  const isNat64 = first === 0x64 && groups[1] === 0xff9b
  if (isEmbedded || isNat64) {
    const [high = 0, low = 0] = groups.slice(6)
    return isPrivateIPv4([high >> 8, high & 255, low >> 8, low & 255].join('.'))
  }
  // Only 2000::/3 is given out for the public internet (RFC 4291 section 2.4).
  return first >> 13 !== 1
}

/** The eight groups of an address as `URL` writes it. */
function expand(text: string): number[] {
  const [head, tail] = splitOnce(text, '::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - before.length - after.length
  return [...before, ...Array.from({ length: gap }, () => '0'), ...after].map((one) =>
    Number.parseInt(one, 16),
  )
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded as it should be: judged as it stands.
    return text
  }
}
