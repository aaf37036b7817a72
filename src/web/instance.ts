// How a running instance proves that it has the web token, so that nobody has to show it the token first. Pure.
import { createHmac } from 'node:crypto';

/** What a nonce must look like: 32 random bytes as hex. */
export const noncePattern = '^[0-9a-f]{64}$';

/** The proof for a nonce, as hex: what only somebody with the token can say (HMAC-SHA256, RFC 2104). */
export function instanceProof(token: string, nonce: string): string {
  // The prefix keeps this answer from ever being good for anything else.
  return createHmac('sha256', token).update(`sallyport instance:${nonce}`).digest('hex');
}
