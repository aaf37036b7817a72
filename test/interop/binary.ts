// The real cloudflared these tests talk to, when there is one.
import { execFileSync } from 'node:child_process';
import { findCloudflared } from '../../src/connector/cloudflared/binary.ts';

/** Its path and what it calls itself, or why the tests that need it are skipped. */
export type InteropBinary = { readonly path: string; readonly version: string } | { readonly reason: string };

/** The one CLOUDFLARED names, else the one on the PATH. */
export function interopBinary(): InteropBinary {
  const found = findCloudflared(process.env);
  if ('reason' in found) return { reason: `${found.reason}, and CLOUDFLARED names none` };
  return { path: found.path, version: execFileSync(found.path, ['--version'], { encoding: 'utf8' }).trim() };
}
