// X.509 certificates (RFC 5280) with P-256 keys: the two kinds a local authority needs. node:crypto reads and checks
// certificates but cannot make them. The library that can costs 90 ms and 17 MB, so it is loaded when one has to be made.
import { type KeyObject, randomBytes, type webcrypto, type X509Certificate } from 'node:crypto';

/** What a certificate is for. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly ip?: readonly string[];
}

/** From when to when a certificate is valid. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** A P-256 key pair. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Who signs. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A self-signed certificate that may sign others, but none that sign in turn. PEM. */
export async function createAuthorityCertificate(name: string, keys: KeyPair, validity: Validity): Promise<string> {
  const x509 = await loadLibrary();
  const publicKey = verifyingKey(keys.publicKey);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ O: ['Sallyport'] }, { CN: [name] }],
    notBefore: validity.from,
    notAfter: validity.to,
    keys: { publicKey, privateKey: signingKey(keys.privateKey) },
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** What a server certificate says, and who says it. */
export interface ServerCertificate {
  readonly names: AlternativeNames;
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  readonly issuer: Issuer;
}

/** A certificate for a TLS server. PEM. */
export async function createServerCertificate(wanted: ServerCertificate): Promise<string> {
  const x509 = await loadLibrary();
  const { names, validity } = wanted;
  const issuer = new x509.X509Certificate(wanted.issuer.certificate.raw);
  const publicKey = verifyingKey(wanted.publicKey);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName(names)] }],
    // The name as it was encoded, not as text: some verifiers compare chains byte by byte.
    issuer: issuer.subjectName,
    notBefore: validity.from,
    notAfter: validity.to,
    publicKey,
    signingKey: signingKey(wanted.issuer.privateKey),
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      new x509.SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns', value }) as const),
        ...(names.ip ?? []).map((value) => ({ type: 'ip', value }) as const),
      ]),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

async function loadLibrary() {
  // The library's decorators need this at the moment it is loaded.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** RFC 5280 4.1.2.2: positive, at most 20 bytes, never twice. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** X.520 allows 64 characters; clients look at the alternative names only. */
function commonName(names: AlternativeNames): string {
  const first = names.dns[0] ?? 'sallyport';
  return first.length <= 64 ? first : 'sallyport';
}

function verifyingKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(keyAlgorithm, true, ['verify']);
}

function signingKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(keyAlgorithm, false, ['sign']);
}
