// The local certificate authority: made once, kept in one private file, never replaced without being asked.
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { curve, parsePair, printKey, readIfThere, stateError, writeAtomically } from './certificate-file.ts';
import {
  type AlternativeNames,
  createAuthorityCertificate,
  createServerCertificate,
  type Issuer,
  type KeyPair,
} from './x509.ts';

/** Key and certificate together. */
export const authorityFile = 'ca-key.pem';
/** The certificate alone, for people to import into their browsers and connectors to trust. */
export const certificateFile = 'ca.pem';

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
  readonly certificate: X509Certificate;
  /** When nothing it signed is valid any more (ms). */
  readonly expiresAt: number;
  /** A server certificate for these names, valid from `now` (ms). */
  issue(names: AlternativeNames, now: number): Promise<IssuedCertificate>;
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
  const certPem = await createAuthorityCertificate(name, keys, validity);
  await writeAtomically(path, `${printKey(keys.privateKey)}${certPem}`, 0o600);
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
    const pair = parsePair(text);
    if (!pair.certificate.ca) throw new Error('the certificate is not an authority');
    return pair;
  } catch (cause) {
    throw stateError('the local certificate authority cannot be read', path, remake, cause);
  }
}

function createAuthority(issuer: Issuer, caPem: string): Authority {
  // One key for all leaf certificates of this process: making keys costs more than signing.
  let made: KeyPair | undefined;
  const leafKeys = () => {
    made ??= generateKeyPairSync('ec', { namedCurve: curve });
    return made;
  };
  const end = Date.parse(issuer.certificate.validTo);
  return {
    caPem,
    certificate: issuer.certificate,
    expiresAt: end,
    issue: async (names, now) => {
      const { publicKey, privateKey } = leafKeys();
      const expiresAt = Math.min(now + leafLifetime, end);
      const validity = { from: new Date(now - clockSkew), to: new Date(expiresAt) };
      const certPem = await createServerCertificate({ names, publicKey, validity, issuer });
      return { certPem, keyPem: printKey(privateKey), expiresAt };
    },
  };
}
