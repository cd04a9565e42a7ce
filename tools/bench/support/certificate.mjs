/** A self-signed certificate over an Ed25519 key, as PEM: what a bare TLS peer needs to stand beside ours. */
import { createPublicKey, randomBytes, sign } from 'node:crypto'

const ed25519 = Buffer.from('06032b6570', 'hex')
const commonName = Buffer.from('0603550403', 'hex')

export function selfSignedCertificate(privateKey) {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const name = der(0x30, der(0x31, der(0x30, commonName, der(0x0c, Buffer.from('bench')))))
  const validity = der(
    0x30,
    der(0x17, Buffer.from('700101000000Z')),
    der(0x18, Buffer.from('99991231235959Z')),
  )
  const serial = der(0x02, Buffer.from([0x01, ...randomBytes(7)]))
  const version = der(0xa0, der(0x02, Buffer.of(2)))
  const algorithm = der(0x30, ed25519)
  const body = der(0x30, version, serial, algorithm, name, validity, name, spki)
  const signature = der(0x03, Buffer.of(0), sign(null, body, privateKey))
  const lines = der(0x30, body, algorithm, signature)
    .toString('base64')
    .match(/.{1,64}/g)
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** One DER element (X.690 section 8.1); all of ours are shorter than 64 KiB. */
function der(tag, ...parts) {
  const body = Buffer.concat(parts)
  const { length } = body
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), body])
}
