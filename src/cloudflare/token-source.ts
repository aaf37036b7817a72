// The API token as it is now: a token file may be replaced while we run, and counts from the next request on.
import { readFileSync } from 'node:fs';

/** Where a token comes from. */
export interface TokenOrigin {
  /** The token as it was when the settings were read. */
  readonly token: string;
  /** The file it is kept in, if it is. */
  readonly file: string | undefined;
}

const maxLength = 4_096;

/** A function that gives the token of the moment; `origin` is asked each time. A file that is empty, gone or no token leaves the last good one in use. */
export function createTokenSource(origin: () => TokenOrigin): () => string {
  let last: { readonly file: string; readonly token: string } | undefined;
  return () => {
    const { token, file } = origin();
    if (file === undefined) return token;
    const fresh = readToken(file);
    if (fresh !== undefined) last = { file, token: fresh };
    return last?.file === file ? last.token : token;
  };
}

function readToken(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text.length <= maxLength && /^[\x21-\x7e]+$/.test(text) ? text : undefined;
  } catch {
    // Being replaced at this moment, or gone: the next request looks again.
    return undefined;
  }
}
