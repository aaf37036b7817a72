// Comparing secrets without telling how much of a guess was right.
import { createHash, timingSafeEqual } from 'node:crypto';

/** True when both texts are equal; takes the same time wherever they differ. */
export function isSameSecret(given: string | undefined, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(wanted));
}
