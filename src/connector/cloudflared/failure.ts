// What the end of a cloudflared means: which error it is, and whether trying again can help. Pure.
import { AppError, EdgeError } from '../../errors.ts';
import type { ChildExit } from './child.ts';

/** How a run ended. */
export interface RunEnd extends ChildExit {
  /** The last warnings and errors it wrote, secrets masked. */
  readonly lastLines: readonly string[];
}

/** cloudflared itself retries refused credentials, because a tunnel just created may be unknown to Cloudflare's edge for a moment. */
const refusalsTolerated = 3;
const usageExitCode = 255;

/** The edge has refused the credentials often enough to believe it; undefined while it has not. */
export function refusedError(refusals: readonly string[]): EdgeError | undefined {
  if (refusals.length < refusalsTolerated) return undefined;
  return new EdgeError({
    code: 'E_EDGE_REFUSED',
    message: `the edge refuses the tunnel's credentials: ${refusals.at(-1)}`,
    hint: 'check that the tunnel still exists and that token or credentials file belong to it',
    permanent: true,
  });
}

/** Why a run ended that nobody asked to end. `permanent` errors will be the same next time. */
export function endError(end: RunEnd, refusals: readonly string[]): AppError {
  const last = refusals.at(-1);
  if (last !== undefined && end.code === 1) {
    // It gives up by itself only on a refusal other than "Unauthorized".
    const hint = 'check that the tunnel still exists and that token or credentials file belong to it';
    return new EdgeError({
      code: 'E_EDGE_REFUSED',
      message: `the edge refuses the tunnel: ${last}`,
      hint,
      permanent: true,
    });
  }
  return new AppError({
    code: 'E_CONNECTOR',
    message: describeEnd(end),
    retryable: end.error === undefined && end.code !== usageExitCode,
    cause: end.error,
  });
}

/** One line: how it ended, and the last thing it complained about. */
export function describeEnd(end: RunEnd): string {
  if (end.error !== undefined) return `cloudflared cannot be started: ${end.error.message}`;
  const how = end.signal === null ? `exit code ${end.code}` : end.signal;
  const last = end.lastLines.at(-1);
  return last === undefined ? `cloudflared ended (${how})` : `cloudflared ended (${how}): ${last}`;
}
