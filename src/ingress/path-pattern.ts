// A rule's path: Go's RE2 syntax, matched in linear time, so no pattern or path can stall the connector.
import { RE2JS, RE2JSException } from 're2js';

/** A compiled path pattern. */
export interface PathPattern {
  /** Whether it occurs anywhere in the (decoded) path. */
  matches(path: string): boolean;
  /** RE2 instructions: a measure of what one match costs per character. */
  readonly size: number;
}

/** A pattern Go would refuse; the message is Go's. */
export class PathPatternError extends Error {}

/** Compiles a pattern; throws PathPatternError with Go's message ("error parsing regexp: …"). */
export function compilePathPattern(pattern: string): PathPattern {
  try {
    const compiled = RE2JS.compile(pattern);
    return { matches: (path) => compiled.test(path), size: compiled.programSize() };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new PathPatternError(error.message.endsWith('`') ? error.message : `${error.message}: \`\``);
  }
}
