// What a login under way carries with it: sealed, for one browser, one host and a short time, so that it can be kept nowhere.
import { createHash, randomBytes } from 'node:crypto';
import type { Sealer } from '../seal.ts';
import { returnPath } from './return-path.ts';

/** A login under way. */
export interface LoginState {
  /** The application's audience tag. */
  readonly aud: string;
  /** Where to go afterwards. */
  readonly target: string;
  /** Of a login at an identity provider. */
  readonly oidc?: {
    readonly provider: string;
    readonly nonce: string;
    readonly verifier: string;
    readonly redirectUri: string;
  };
}

/** What it is bound to. */
export interface LoginBinding {
  readonly host: string;
  /** The value of the browser's cookie. */
  readonly browser: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How long a login may take (ms). */
export const loginTimeMs = 30 * 60_000;

/** A new value for the browser's cookie. */
export function newBrowser(): string {
  return randomBytes(24).toString('base64url');
}

/** Whether a cookie's value can be one of ours. */
export function isBrowser(value: string | undefined): value is string {
  return value !== undefined && /^[A-Za-z0-9_-]{32}$/.test(value);
}

/** The state as text. */
export function sealState(state: LoginState, { host, browser, now }: LoginBinding, sealer: Sealer): string {
  return sealer.seal(
    JSON.stringify({ ...state, browser: digest(browser), endsAt: now + loginTimeMs }),
    purposeOf(host),
  );
}

/** The state of that text; undefined when it is not ours, of another browser or host, or too old. */
export function openState(
  text: string | null,
  { host, browser, now }: LoginBinding,
  sealer: Sealer,
): LoginState | undefined {
  if (text === null || text.length > 8_192) return undefined;
  const opened = sealer.open(text, purposeOf(host));
  if (opened === undefined) return undefined;
  // Sealed by this program: its shape is known.
  const state = JSON.parse(opened) as LoginState & { readonly browser: string; readonly endsAt: number };
  if (state.browser !== digest(browser) || state.endsAt <= now) return undefined;
  return { ...state, target: returnPath(state.target) };
}

function purposeOf(host: string): string {
  return `login ${host}`;
}

function digest(browser: string): string {
  return createHash('sha256').update(browser).digest('base64url');
}
