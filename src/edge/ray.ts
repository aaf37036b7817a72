// Request ids as Cloudflare writes them: 16 hex digits and a location.
import { randomFillSync } from 'node:crypto';

/** What this edge calls itself where Cloudflare names a data centre. */
export const location = 'sallyport';

const pool = Buffer.allocUnsafe(8 * 512);
let used = pool.length;

/** A fresh `cf-ray`; random bytes are drawn in batches because this is on the path of every request. */
export function nextRay(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString('hex', used, used + 8);
  used += 8;
  return `${id}-${location}`;
}
