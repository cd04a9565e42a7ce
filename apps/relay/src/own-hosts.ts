import { networkInterfaces } from 'node:os'

/**
 * By which hosts clients may have dialled this relay. Without this check a hostile relay
 * could pass a client's proof on, and speak here in its name.
 *
 * @param names - As in a URL: `relay.example.com`, with the port unless it is 80 or 443. Empty
 *   for this machine's own: `localhost` and the IP addresses of its interfaces.
 */
export function createOwnHosts(names: readonly string[], port: number): (host: string) => boolean {
  if (names.length > 0) {
    const known = new Set(names.map((name) => name.toLowerCase()))
    return (host) => known.has(host.toLowerCase())
  }
  return (host) => machineHosts(port).has(host.toLowerCase())
}

/** Asked anew each time: a laptop changes its addresses. */
function machineHosts(port: number): Set<string> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const names = addresses.map(({ address, family }) =>
    family === 'IPv6' ? `[${address.replace(/%.*/, '')}]` : address,
  )
  const withPort = port === 80 || port === 443 ? '' : `:${port}`
  return new Set(['localhost', '127.0.0.1', '[::1]', ...names].map((name) => name + withPort))
}
