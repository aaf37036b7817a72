// X.509 certificates (RFC 5280) with P-256 keys: the two kinds a local authority needs. node:crypto reads and checks
// certificates but cannot make them; a library that can cost 17 MB and 90 ms of start-up for what a home makes once a year.
import { createHash, type KeyObject, randomBytes, sign, type X509Certificate } from 'node:crypto';
import {
  bitString,
  booleanTrue,
  childrenOf,
  type Der,
  encodeDer,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts';

/** What a certificate is for. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ip?: readonly Uint8Array[];
}

/** From when to when a certificate is valid. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** Who signs. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const version3 = encodeDer(0xa0, integer(Uint8Array.of(2)));

/** A self-signed certificate that may sign others, but none that sign in turn. PEM. */
export function createAuthorityCertificate(name: string, key: KeyPair, validity: Validity): string {
  const subject = distinguishedName(name, 'Sallyport');
  const keyId = keyIdentifier(key.publicKey);
  const extensions = [
    extension('2.5.29.19', sequence(booleanTrue, integer(Uint8Array.of(0))), 'critical'),
    // keyCertSign and cRLSign.
    extension('2.5.29.15', bitString(Uint8Array.of(0x06), 1), 'critical'),
    extension('2.5.29.14', octetString(keyId)),
  ];
  return signed({ issuer: subject, subject, validity, publicKey: key.publicKey, extensions }, key.privateKey);
}

/** A certificate for a TLS server. PEM. */
export function createServerCertificate(
  names: AlternativeNames,
  publicKey: KeyObject,
  validity: Validity,
  issuer: Issuer,
): string {
  const extensions = [
    extension('2.5.29.19', sequence(), 'critical'),
    // digitalSignature.
    extension('2.5.29.15', bitString(Uint8Array.of(0x80), 7), 'critical'),
    // serverAuth.
    extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.35', sequence(encodeDer(0x80, keyIdentifier(issuer.certificate.publicKey)))),
    extension('2.5.29.14', octetString(keyIdentifier(publicKey))),
    extension('2.5.29.17', sequence(...generalNames(names))),
  ];
  const subject = distinguishedName(commonName(names));
  return signed({ issuer: subjectOf(issuer.certificate), subject, validity, publicKey, extensions }, issuer.privateKey);
}

/** A P-256 key pair. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Unsigned {
  readonly issuer: Der;
  readonly subject: Der;
  readonly validity: Validity;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Der[];
}

function signed(certificate: Unsigned, privateKey: KeyObject): string {
  const { issuer, subject, validity, publicKey, extensions } = certificate;
  const toBeSigned = sequence(
    version3,
    integer(serialNumber()),
    ecdsaWithSha256,
    issuer,
    sequence(time(validity.from), time(validity.to)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    encodeDer(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  return toPem(sequence(toBeSigned, ecdsaWithSha256, bitString(signature)));
}

/** RFC 5280 4.1.2.2: positive, at most 20 bytes, never twice. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function distinguishedName(commonName: string, organization?: string): Der {
  const attribute = (type: string, value: string) => setOf(sequence(objectIdentifier(type), utf8String(value)));
  const cn = attribute('2.5.4.3', commonName);
  return organization === undefined ? sequence(cn) : sequence(attribute('2.5.4.10', organization), cn);
}

/** X.520 allows 64 characters; clients look at the alternative names only. */
function commonName(names: AlternativeNames): string {
  const first = names.dns[0] ?? 'sallyport';
  return first.length <= 64 ? first : 'sallyport';
}

function generalNames(names: AlternativeNames): Der[] {
  const dns = names.dns.map((name) => encodeDer(0x82, Buffer.from(name, 'ascii')));
  return [...dns, ...(names.ip ?? []).map((address) => encodeDer(0x87, address))];
}

function extension(type: string, value: Der, critical?: 'critical'): Der {
  const flag = critical === undefined ? [] : [booleanTrue];
  return sequence(objectIdentifier(type), ...flag, octetString(value));
}

/** RFC 5280 4.2.1.2 (1): SHA-1 of the key's bits, for P-256 the uncompressed point at the end of the SPKI. */
function keyIdentifier(publicKey: KeyObject): Uint8Array {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha1').update(spki.subarray(-65)).digest();
}

/** The subject byte by byte, as chains compare it: version, serial, algorithm, issuer and validity come before. */
function subjectOf(certificate: X509Certificate): Der {
  const subject = childrenOf(childrenOf(certificate.raw)[0] ?? new Uint8Array())[5];
  if (subject === undefined) throw new RangeError('the certificate has no subject');
  return subject;
}

function toPem(der: Der): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
