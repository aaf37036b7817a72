// Files with a private key and its certificate: one file, so that no crash can leave one without the other.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { AppError } from '../../errors.ts';

/** The curve of every key made here. */
export const curve = 'prime256v1';

/** A certificate and the key that belongs to it. */
export interface CertificatePair {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** Reads both out of a PEM text; throws when one is missing or broken, or they do not belong together. */
export function parsePair(text: string): CertificatePair {
  const privateKey = createPrivateKey(section(text, 'PRIVATE KEY'));
  const certificate = new X509Certificate(section(text, 'CERTIFICATE'));
  if (privateKey.asymmetricKeyDetails?.namedCurve !== curve) throw new Error('the key is not on curve P-256');
  if (!certificate.checkPrivateKey(privateKey)) throw new Error('the key does not belong to the certificate');
  return { certificate, privateKey };
}

/** A private key as PEM. */
export function printKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function section(text: string, label: string): string {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`no ${label} in it`);
  return text.slice(from, to + end.length);
}

/** The file's text, undefined when there is none; E_STATE when it cannot be read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw stateError('cannot read a certificate file', path, 'check its permissions', cause);
  }
}

/** Writes all of the file or leaves the old one; E_STATE when it cannot. */
export async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
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

/** What is wrong with a file of certificates, and how to mend it. */
export function stateError(message: string, where: string, hint: string, cause?: unknown): AppError {
  return new AppError({ code: 'E_STATE', message, where, hint, cause });
}
