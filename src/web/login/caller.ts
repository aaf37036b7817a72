// Who asks: the command line with its token, somebody who logged in, Home Assistant's ingress, this machine, or nobody known. Pure.
import { createHmac } from 'node:crypto';
import { isSameSecret } from '../secret.ts';
import { sessionCookieIn } from './cookie.ts';

/** Who a request comes from. Names are for the activity log and are nobody's proof of anything. */
export type Caller =
  | { readonly kind: 'token'; readonly name: string }
  | { readonly kind: 'session'; readonly name: string; readonly csrf: string }
  | { readonly kind: 'ingress'; readonly name: string; readonly csrf: string; readonly userId: string | undefined }
  /** The page listens for this machine only: it may look. */
  | { readonly kind: 'local'; readonly name: string }
  | { readonly kind: 'nobody'; readonly name: string };

/** What a caller is told by. */
export interface CallerFacts {
  /** The address at the other end of the socket; nothing a header says. */
  readonly remote: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What callers are held against. */
export interface CallerRules {
  /** Secret: the bearer token, and the key of the proofs below. */
  readonly token: string;
  /** Only from this address the ingress headers count; undefined: from none. */
  readonly ingressProxy: string | undefined;
  /** The page listens on loopback only. */
  readonly isLocal: boolean;
  /** Who logged in, while that session lives. */
  readonly session: (id: string) => { readonly name: string } | undefined;
}

/** The caller of a request. */
export function callerOf(facts: CallerFacts, rules: CallerRules): Caller {
  const { authorization, cookie } = facts.headers;
  if (isSameSecret(one(authorization), `Bearer ${rules.token}`)) return { kind: 'token', name: 'command line' };
  if (isIngress(facts, rules.ingressProxy)) return ingressCaller(facts.headers, rules.token);
  const id = sessionCookieIn(one(cookie));
  const session = id === undefined ? undefined : rules.session(id);
  if (id !== undefined && session !== undefined)
    return { kind: 'session', name: session.name, csrf: csrfProof(rules.token, `session ${id}`) };
  return rules.isLocal ? { kind: 'local', name: 'this machine' } : { kind: 'nobody', name: 'nobody' };
}

/** Whether the headers of Home Assistant's ingress count: the socket leads to its proxy, and a prefix is there. */
export function isIngress({ remote, headers }: CallerFacts, proxy: string | undefined): boolean {
  if (proxy === undefined || remote === undefined) return false;
  return plainAddress(remote) === proxy && prefixIn(headers) !== '';
}

/** The path prefix of an ingress request, without a final slash; empty where there is none, or none that could be one. */
export function ingressPrefix(facts: CallerFacts, proxy: string | undefined): string {
  return isIngress(facts, proxy) ? prefixIn(facts.headers) : '';
}

/** Proves that a page of ours asks, since no other site can read the answer it was in; different for each session. */
export function csrfProof(token: string, subject: string): string {
  return createHmac('sha256', token).update(`sallyport csrf:${subject}`).digest('base64url');
}

function ingressCaller(headers: CallerFacts['headers'], token: string): Caller {
  const userId = idIn(one(headers['x-remote-user-id']));
  const shown = one(headers['x-remote-user-display-name']) ?? one(headers['x-remote-user-name']);
  const name = printable(shown) ?? 'somebody in Home Assistant';
  return { kind: 'ingress', name, userId, csrf: csrfProof(token, `ingress ${userId ?? ''}`) };
}

function prefixIn(headers: CallerFacts['headers']): string {
  const prefix = one(headers['x-ingress-path']) ?? '';
  return /^(?:\/[A-Za-z0-9_-]{1,200}){1,8}\/?$/.test(prefix) ? prefix.replace(/\/$/, '') : '';
}

function idIn(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(text) ? text : undefined;
}

/** Anybody may call himself anything: kept to one short line. */
function printable(text: string | undefined): string | undefined {
  const clean = text
    ?.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .slice(0, 80);
  return clean === '' ? undefined : clean;
}

/** An IPv4 address that arrived on a socket for both families is written as IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
