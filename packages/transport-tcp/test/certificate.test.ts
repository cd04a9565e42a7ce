import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { createCertificate } from '../src/certificate.ts'
import { peerIdOf } from './nodes.ts'

const seed = new Uint8Array(32).fill(7)

it('makes a certificate that signs itself and holds the key of the seed', () => {
  const certificate = new X509Certificate(createCertificate(seed).cert)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  const raw = certificate.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  expect(raw.toString('hex')).toBe(peerIdOf(seed))
  expect(certificate.validTo).toContain('9999')
})

it('gives the same certificate for the same seed, and leaves the seed alone', () => {
  expect(createCertificate(seed)).toEqual(createCertificate(seed.slice()))
  expect(seed).toEqual(new Uint8Array(32).fill(7))
})
