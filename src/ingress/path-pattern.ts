// A rule's path: Go's RE2 syntax, matched in linear time, so no pattern or path can stall the connector for long.
import { RE2JS, RE2JSException } from 're2js';

/** A compiled path pattern. */
export interface PathPattern {
  /** Whether it occurs anywhere in the (decoded) path. */
  matches(path: string): boolean;
  /** RE2 instructions: what one match may cost per character of the path. */
  readonly size: number;
}

/** A pattern Go would refuse; the message is Go's. */
export class PathPatternError extends Error {}

/** Characters that mean themselves in a pattern. */
const plainText = /^(\^?)([A-Za-z0-9/_~%!@#&=:;,"'<>` -]*)$/;

/**
 * Compiles a pattern; throws PathPatternError with Go's message ("error parsing regexp: …"). Most patterns are plain text, perhaps
 * anchored (`^/api/`): those are compared as text, many times faster than by the automaton and with the same outcome.
 */
export function compilePathPattern(pattern: string): PathPattern {
  const plain = plainText.exec(pattern);
  if (plain !== null) return plainPattern(plain[1] === '^', plain[2] ?? '');
  try {
    const compiled = RE2JS.compile(pattern);
    return { matches: (path) => compiled.test(path), size: compiled.programSize() };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new PathPatternError(error.message.endsWith('`') ? error.message : `${error.message}: \`\``);
  }
}

function plainPattern(isAnchored: boolean, text: string): PathPattern {
  return { matches: isAnchored ? (path) => path.startsWith(text) : (path) => path.includes(text), size: text.length };
}
