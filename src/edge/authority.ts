// The local certificate authority: made once, kept in one private file, never replaced without being asked.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { AppError } from '../errors.ts';

/** Key and certificate together: one file, so that no crash can leave one without the other. */
export const authorityFile = 'ca-key.pem';
/** The certificate alone, for people to import into their browsers and connectors to trust. */
export const certificateFile = 'ca.pem';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const day = 24 * 60 * 60 * 1000;
const authorityLifetime = 3650 * day;
/** Browsers refuse leaf certificates that are valid for longer than 398 days. */
const leafLifetime = 397 * day;
/** Clocks differ: a certificate is valid from a little before it was made. */
const clockSkew = day;

/** A certificate with its key, ready for `tls.createSecureContext`. */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly expiresAt: number;
}

/** Signs certificates that whoever trusts `caPem` accepts. */
export interface Authority {
  readonly caPem: string;
  /** A server certificate for these DNS names and IP addresses, valid from `now` (ms). */
  issue(names: AlternativeNames, now: number): Promise<IssuedCertificate>;
}

/** What a certificate is for. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly ip?: readonly string[];
}

/** Loads the authority kept in `directory`, or makes one when there is none; E_STATE when the file is there but unusable. */
export async function openAuthority(directory: string, now: number): Promise<Authority> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw stateError(`cannot make the directory for certificates`, directory, 'check its permissions', cause);
  });
  const path = join(directory, authorityFile);
  const kept = await readIfThere(path);
  const authority = kept === undefined ? await createAuthority(path, now) : await loadAuthority(path, kept, now);
  const certPem = authority.certificate.toString('pem');
  const publicPath = join(directory, certificateFile);
  if ((await readIfThere(publicPath)) !== `${certPem}\n`) await writeAtomically(publicPath, `${certPem}\n`, 0o644);
  return createIssuer(authority);
}

interface AuthorityKey {
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

async function createAuthority(path: string, now: number): Promise<AuthorityKey> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=Sallyport local CA ${serialNumber().slice(0, 8)}, O=Sallyport`,
    notBefore: new Date(now - clockSkew),
    notAfter: new Date(now + authorityLifetime),
    keys,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const keyPem = await exportKey(keys.privateKey);
  await writeAtomically(path, `${keyPem}\n${certificate.toString('pem')}\n`, 0o600);
  return { certificate, privateKey: keys.privateKey };
}

async function loadAuthority(path: string, text: string, now: number): Promise<AuthorityKey> {
  const authority = await parseAuthority(text).catch((cause: unknown) => {
    throw stateError('the local certificate authority cannot be read', path, remake, cause);
  });
  if (authority.certificate.notAfter.getTime() < now + leafLifetime / 12)
    throw stateError('the local certificate authority has expired', path, remake);
  // Whoever can read this file can impersonate every name to those who trust it.
  await chmod(path, 0o600);
  return authority;
}

const remake =
  'restore it from a backup, or delete it to have a new one made (browsers and connectors must then trust the new ca.pem)';

async function parseAuthority(text: string): Promise<AuthorityKey> {
  const key = PemConverter.decodeFirst(section(text, 'PRIVATE KEY'));
  const privateKey = await webcrypto.subtle.importKey('pkcs8', key, keyAlgorithm, true, ['sign']);
  const certificate = new X509Certificate(section(text, 'CERTIFICATE'));
  const publicKey = await certificate.publicKey.export(keyAlgorithm, ['verify'], webcrypto);
  const sample = new TextEncoder().encode(certificate.serialNumber);
  const signature = await webcrypto.subtle.sign(signing, privateKey, sample);
  if (!(await webcrypto.subtle.verify(signing, publicKey, signature, sample)))
    throw new Error('the key does not belong to the certificate');
  return { certificate, privateKey };
}

function section(text: string, label: string): string {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`no ${label} in it`);
  return text.slice(from, to + end.length);
}

async function createIssuer(authority: AuthorityKey): Promise<Authority> {
  // One key for all leaf certificates of this process: it never leaves memory, and making keys costs more than signing.
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const keyPem = await exportKey(keys.privateKey);
  const issue = async (names: AlternativeNames, now: number): Promise<IssuedCertificate> => {
    const expiresAt = Math.min(now + leafLifetime, authority.certificate.notAfter.getTime());
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [commonName(names)] }],
      issuer: authority.certificate.subject,
      notBefore: new Date(now - clockSkew),
      notAfter: new Date(expiresAt),
      publicKey: keys.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: signing,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        await AuthorityKeyIdentifierExtension.create(authority.certificate, false, webcrypto),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        new SubjectAlternativeNameExtension([
          ...names.dns.map((value) => ({ type: 'dns', value }) as const),
          ...(names.ip ?? []).map((value) => ({ type: 'ip', value }) as const),
        ]),
      ],
    });
    return { certPem: certificate.toString('pem'), keyPem, expiresAt };
  };
  return { caPem: `${authority.certificate.toString('pem')}\n`, issue };
}

/** X.520 allows 64 characters; clients look at the alternative names only. */
function commonName(names: AlternativeNames): string {
  const first = names.dns[0] ?? names.ip?.[0] ?? 'sallyport';
  return first.length <= 64 ? first : 'sallyport';
}

function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  // Positive and never starting with zero: RFC 5280 4.1.2.2.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw stateError('cannot read a certificate file', path, 'check its permissions', cause);
  }
}

async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    throw stateError('cannot write a certificate file', path, 'check its permissions and the free space', cause);
  }
}

function stateError(message: string, where: string, hint: string, cause?: unknown): AppError {
  return new AppError({ code: 'E_STATE', message, where, hint, cause });
}
