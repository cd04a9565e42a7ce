/**
 * A self-signed X.509 certificate over the node's Ed25519 key (RFC 5280, RFC 8410),
 * written in DER by hand: TLS insists on one, and here it carries nothing but the
 * key. Nobody checks its name, dates or signature; TLS 1.3 itself proves that the
 * far end holds the key (RFC 8446 section 4.4.3).
 */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'

/** What `node:tls` wants to show an Ed25519 key: both in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** The raw 32-byte key follows this in every Ed25519 private key of RFC 8410 section 7. */
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Object identifiers, with tag and length: Ed25519 (1.3.101.112) and common name (2.5.4.3). */
const ed25519 = Buffer.from('06032b6570', 'hex')
const commonName = Buffer.from('0603550403', 'hex')

const tag = {
  integer: 0x02,
  bitString: 0x03,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
} as const

/**
 * The certificate of a node: the same seed always gives the same one.
 *
 * @param seed - 32 bytes, an Ed25519 private key (RFC 8032). Not kept.
 */
export function createCertificate(seed: Uint8Array): Certificate {
  const der = Buffer.concat([privateKeyPrefix, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return {
    cert: toPem(selfSigned(privateKey)),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

function selfSigned(privateKey: KeyObject): Buffer {
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const name = tlv(
    tag.sequence,
    tlv(tag.set, tlv(tag.sequence, commonName, tlv(tag.utf8String, Buffer.from('vudo')))),
  )
  // From 1970 to the last date there is: a clock that is wrong must not keep peers apart.
  const validity = tlv(
    tag.sequence,
    tlv(tag.utcTime, Buffer.from('700101000000Z')),
    tlv(tag.generalizedTime, Buffer.from('99991231235959Z')),
  )
  const version3 = tlv(tag.version, tlv(tag.integer, Buffer.of(2)))
  const serialNumber = tlv(tag.integer, Buffer.of(1))
  const algorithm = tlv(tag.sequence, ed25519)
  const body = tlv(tag.sequence, version3, serialNumber, algorithm, name, validity, name, publicKey)
  const signature = tlv(tag.bitString, Buffer.of(0), sign(null, body, privateKey))
  return tlv(tag.sequence, body, algorithm, signature)
}

/** Tag, length, value (X.690 section 8.1); every value here is shorter than 65,536 bytes. */
function tlv(tagByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const n = body.length
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255]
  return Buffer.concat([Buffer.of(tagByte, ...length), body])
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').replaceAll(/.{64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
