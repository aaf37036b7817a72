// The local certificate authority: made once, kept in one private file, never replaced without being asked.
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import {
  type AlternativeNames,
  createAuthorityCertificate,
  createServerCertificate,
  type Issuer,
  type Validity,
} from './x509.ts';

/** Key and certificate together: one file, so that no crash can leave one without the other. */
export const authorityFile = 'ca-key.pem';
/** The certificate alone, for people to import into their browsers and connectors to trust. */
export const certificateFile = 'ca.pem';

const curve = 'prime256v1';
const day = 24 * 60 * 60 * 1000;
const authorityLifetime = 3650 * day;
/** Browsers refuse leaf certificates that are valid for longer than 398 days. */
const leafLifetime = 396 * day;
/** An authority with less life than this could not sign anything worth having. */
const leastLife = 30 * day;
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
  /** A server certificate for these names, valid from `now` (ms). */
  issue(names: AlternativeNames, now: number): IssuedCertificate;
}

/** Loads the authority kept in `directory`, or makes one when there is none; E_STATE when the file is there but unusable. */
export async function openAuthority(directory: string, now: number): Promise<Authority> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw stateError(`cannot make the directory for certificates`, directory, 'check its permissions', cause);
  });
  const path = join(directory, authorityFile);
  const kept = await readIfThere(path);
  const issuer = kept === undefined ? await createIssuer(path, now) : await loadIssuer(path, kept, now);
  const caPem = issuer.certificate.toString();
  const publicPath = join(directory, certificateFile);
  if ((await readIfThere(publicPath)) !== caPem) await writeAtomically(publicPath, caPem, 0o644);
  return createAuthority(issuer, caPem);
}

async function createIssuer(path: string, now: number): Promise<Issuer> {
  const keys = generateKeyPairSync('ec', { namedCurve: curve });
  // People may have several: the number tells them apart in a browser's list.
  const name = `Sallyport local CA ${randomBytes(4).toString('hex')}`;
  const validity = { from: new Date(now - clockSkew), to: new Date(now + authorityLifetime) };
  const certPem = createAuthorityCertificate(name, keys, validity);
  const keyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeAtomically(path, `${keyPem}${certPem}`, 0o600);
  return { certificate: new X509Certificate(certPem), privateKey: keys.privateKey };
}

async function loadIssuer(path: string, text: string, now: number): Promise<Issuer> {
  const issuer = parseIssuer(path, text);
  if (Date.parse(issuer.certificate.validTo) < now + leastLife)
    throw stateError('the local certificate authority has expired', path, remake);
  // Whoever can read this file can impersonate every name to those who trust it.
  await chmod(path, 0o600);
  return issuer;
}

const remake =
  'restore it from a backup, or delete it to have a new one made (browsers and connectors must then trust the new ca.pem)';

function parseIssuer(path: string, text: string): Issuer {
  try {
    const privateKey = createPrivateKey(section(text, 'PRIVATE KEY'));
    const certificate = new X509Certificate(section(text, 'CERTIFICATE'));
    if (privateKey.asymmetricKeyDetails?.namedCurve !== curve) throw new Error('the key is not on curve P-256');
    if (!certificate.ca) throw new Error('the certificate is not an authority');
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('the key does not belong to the certificate');
    return { certificate, privateKey };
  } catch (cause) {
    throw stateError('the local certificate authority cannot be read', path, remake, cause);
  }
}

function section(text: string, label: string): string {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`no ${label} in it`);
  return text.slice(from, to + end.length);
}

function createAuthority(issuer: Issuer, caPem: string): Authority {
  // One key for all leaf certificates of this process: it never leaves memory, and making keys costs more than signing.
  const keys = generateKeyPairSync('ec', { namedCurve: curve });
  const keyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const end = Date.parse(issuer.certificate.validTo);
  return {
    caPem,
    issue: (names, now) => {
      const expiresAt = Math.min(now + leafLifetime, end);
      const validity: Validity = { from: new Date(now - clockSkew), to: new Date(expiresAt) };
      return { certPem: createServerCertificate(names, keys.publicKey, validity, issuer), keyPem, expiresAt };
    },
  };
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
