// Seals texts so that only who holds the key can read or make them (AES-256-GCM), each for one purpose.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Seals and opens; what was sealed for one purpose does not open for another. */
export interface Sealer {
  /** Base64url. */
  seal(text: string, purpose: string): string;
  /** Undefined for everything this key did not seal for this purpose. */
  open(sealed: string, purpose: string): string | undefined;
}

const nonceBytes = 12;
const tagBytes = 16;

/** A sealer with a secret of at least 256 random bits; without one, with a key that ends with the process. */
export function createSealer(secret: string = randomBytes(32).toString('hex')): Sealer {
  const key = createHash('sha256').update(`seal ${secret}`).digest();

  function seal(text: string, purpose: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
  }

  function open(sealed: string, purpose: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < nonceBytes + tagBytes) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      const text = decipher.update(bytes.subarray(nonceBytes + tagBytes));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      // Somebody else's, changed, or for something else: all the same to the reader.
      return undefined;
    }
  }

  return { seal, open };
}
