// A server certificate that outlives the process, so that a restart makes none. It is only derived: whatever is wrong with
// the file, a new one takes its place.
import type { X509Certificate } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import type { Logger } from '../../logger.ts';
import type { Authority, IssuedCertificate } from './authority.ts';
import { type CertificatePair, parsePair, printKey, readIfThere, writeAtomically } from './certificate-file.ts';
import type { AlternativeNames } from './x509.ts';

/** A certificate is replaced when less than this much of its life is left (ms), unless the authority ends with it. */
export const renewBefore = 30 * 24 * 60 * 60 * 1000;

/** Where a certificate is kept and what it must be. */
export interface KeptCertificateOptions {
  readonly path: string;
  readonly names: AlternativeNames;
  readonly authority: Authority;
  readonly logger: Logger;
  readonly now: number;
}

/** The certificate in the file while it is good for what is wanted; else a new one, put there. */
export async function keepCertificate(options: KeptCertificateOptions): Promise<IssuedCertificate> {
  const { path, names, authority, logger, now } = options;
  const kept = await read(path, logger);
  if (kept !== undefined) {
    const fault = faultOf(kept, options);
    if (fault === undefined) return issuedFrom(kept);
    logger.info({ file: path, reason: fault }, 'server certificate is made anew');
  }
  const issued = await authority.issue(names, now);
  await writeAtomically(path, `${issued.keyPem}${issued.certPem}`, 0o600).catch((error: unknown) =>
    // It serves this process all the same; the next start makes another.
    logger.warn({ err: error, file: path }, 'server certificate could not be kept'),
  );
  return issued;
}

async function read(path: string, logger: Logger): Promise<CertificatePair | undefined> {
  try {
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    await chmod(path, 0o600);
    return parsePair(text);
  } catch (error) {
    logger.warn({ err: error, file: path }, 'server certificate cannot be read and is made anew');
    return undefined;
  }
}

/** Why the certificate may not be used, or undefined when it may. */
function faultOf({ certificate }: CertificatePair, wanted: KeptCertificateOptions): string | undefined {
  const { authority, now } = wanted;
  if (certificate.ca || !certificate.checkIssued(authority.certificate)) return 'it is from another authority';
  if (!certificate.verify(authority.certificate.publicKey)) return 'it is from another authority';
  if (!hasNames(certificate, wanted.names)) return 'the names have changed';
  if (Date.parse(certificate.validFrom) > now) return 'it is not valid yet';
  const end = Date.parse(certificate.validTo);
  return end < now + renewBefore && end < authority.expiresAt ? 'it expires soon' : undefined;
}

function hasNames(certificate: X509Certificate, wanted: AlternativeNames): boolean {
  const ip = wanted.ip ?? [];
  const entries = certificate.subjectAltName?.split(', ') ?? [];
  return (
    entries.length === wanted.dns.length + ip.length &&
    wanted.dns.every((name) => entries.includes(`DNS:${name}`)) &&
    // Addresses have many spellings.
    ip.every((address) => certificate.checkIP(address) !== undefined)
  );
}

function issuedFrom({ certificate, privateKey }: CertificatePair): IssuedCertificate {
  const expiresAt = Date.parse(certificate.validTo);
  return { certPem: certificate.toString(), keyPem: printKey(privateKey), expiresAt };
}
