// Reads a request body as JSON, whatever its media type says, with a bound on nesting. Pure.
import { refusal, refusalCode } from '../store/refusal.ts';

const maxDepth = 64;
const quote = 0x22;
const backslash = 0x5c;

/** The JSON value of a body, undefined for an empty one; RefusedError 400/6007 when it is none. */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (isDeeperThan(body, maxDepth))
    throw refusal(400, refusalCode.malformedJson, `The request body is nested deeper than ${maxDepth} levels`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // The parser's own message quotes the body, which may hold a secret.
    throw refusal(400, refusalCode.malformedJson, 'Malformed JSON in request body');
  }
}

/** Counts brackets outside strings, before the parser and everything after it would recurse into them. */
function isDeeperThan(body: Buffer, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > limit) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}
