// A visitor's request as the connector should get it: what Cloudflare's edge adds, without what a visitor may forge.
// Pure, and on the path of every request: one pass over the headers, lookups instead of patterns.
import { headerKind, isHeaderName, isHeaderValue } from '../../protocol/header-kinds.ts';
import { headerBlock, headerNames } from '../../protocol/headers.ts';
import type { ProblemKind } from './pages.ts';

/** A request as a visitor's connection delivered it. */
export interface VisitorRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** HTTP/2's `:authority`; undefined when the Host header decides. */
  readonly authority: string | undefined;
  /** Path and query as received. */
  readonly path: string;
  /** Flat: name, value …; pseudo headers are skipped. */
  readonly rawHeaders: readonly string[];
  /** The visitor's IP address. */
  readonly address: string;
  readonly websocket: boolean;
  /** Whether a body follows, when the protocol itself says so; undefined when the headers decide (HTTP/1). */
  readonly hasBody: boolean | undefined;
}

/** What to send, and what was learned on the way. */
export interface ConnectorRequest {
  readonly authority: string;
  /** Flat, pseudo headers first. */
  readonly headers: string[];
  readonly hasBody: boolean;
  readonly contentLength: number | undefined;
}

/** Longest path and query; Cloudflare's limit. */
const maxPath = 16 * 1024;
/** More headers than any honest client sends, well below what a connector's HTTP library takes. */
const maxHeaders = 400;
/** How often a request may come through here before it is a loop. */
const maxLoops = 8;

type Action = 'drop' | 'host' | 'forwarded-for' | 'loop' | 'accept-encoding';

/** Names the edge decides about. Everything else that begins with `cf-` is dropped: it would be taken for the edge's word. */
const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['host', 'host'],
  ['x-forwarded-for', 'forwarded-for'],
  ['x-forwarded-proto', 'drop'],
  ['true-client-ip', 'drop'],
  ['proxy-authorization', 'drop'],
  ['proxy-authenticate', 'drop'],
  ['cdn-loop', 'loop'],
  ['accept-encoding', 'accept-encoding'],
]);

/** Says where a bastion rule should connect to; the only `cf-` header a client of tcp entries has to send through. */
const jumpDestination = 'cf-access-jump-destination';

/** Builds the connector's request headers, or says why the visitor gets none. */
export function connectorRequest(
  request: VisitorRequest,
  ray: string,
): ConnectorRequest | { readonly problem: ProblemKind } {
  // A tunnel to a port of the visitor's choice is nothing this edge offers.
  if (!isHeaderName(request.method) || (request.method === 'CONNECT' && !request.websocket))
    return { problem: 'bad-request' };
  if (request.path.length > maxPath) return { problem: 'path-too-long' };
  if (request.rawHeaders.length > 2 * maxHeaders) return { problem: 'headers-too-large' };
  const scan = scanHeaders(request);
  const authority = request.authority ?? scan.host;
  if (
    scan.malformed ||
    (scan.chunked && scan.contentLength !== undefined) ||
    authority === undefined ||
    !isPath(request.path)
  )
    return { problem: 'bad-request' };
  const loops = countLoops(scan.loop);
  if (loops.count >= maxLoops) return { problem: 'loop' };

  const headers = [':method', request.websocket ? 'GET' : request.method, ':scheme', request.scheme];
  headers.push(':authority', authority, ':path', request.path);
  for (const part of withoutNamed(scan.headers, scan.connection)) headers.push(part);
  // cloudflared would ask for gzip by itself and unpack it; identity keeps the origin's bytes as they are.
  if (!scan.acceptsEncoding) headers.push('accept-encoding', 'identity');
  headers.push('cf-connecting-ip', request.address, 'cf-ray', ray);
  headers.push('cf-visitor', request.scheme === 'https' ? '{"scheme":"https"}' : '{"scheme":"http"}');
  headers.push(
    'x-forwarded-for',
    scan.forwardedFor === '' ? request.address : `${scan.forwardedFor}, ${request.address}`,
  );
  headers.push('x-forwarded-proto', request.scheme, 'cdn-loop', `${loops.others}cloudflare; loops=${loops.count + 1}`);
  if (request.websocket) headers.push(headerNames.upgrade, 'websocket');
  if (!headerBlock(headers).fits) return { problem: 'headers-too-large' };
  const hasBody = !request.websocket && (request.hasBody ?? scan.hasBody);
  return { authority, headers, hasBody, contentLength: hasBody ? scan.contentLength : undefined };
}

interface Scan {
  headers: string[];
  host: string | undefined;
  connection: string;
  forwardedFor: string;
  loop: string;
  acceptsEncoding: boolean;
  hasBody: boolean;
  chunked: boolean;
  contentLength: number | undefined;
  malformed: boolean;
}

function scanHeaders(request: VisitorRequest): Scan {
  const scan: Scan = {
    headers: [],
    host: undefined,
    connection: '',
    forwardedFor: '',
    loop: '',
    acceptsEncoding: false,
    hasBody: false,
    chunked: false,
    contentLength: undefined,
    malformed: false,
  };
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    if (name.charCodeAt(0) === 0x3a) continue;
    // An invalid name would end the tunnel's session for everybody.
    if (!isHeaderName(name) || !isHeaderValue(value)) scan.malformed = true;
    const action = actions.get(name);
    if (action === undefined) scanOrdinary(scan, name, value, request.websocket);
    else scanSpecial(scan, action, value);
  }
  return scan;
}

function scanSpecial(scan: Scan, action: Action, value: string): void {
  switch (action) {
    case 'drop':
      return;
    case 'host':
      // RFC 9112 3.2: two Host headers are a request that two proxies would understand differently.
      if (scan.host !== undefined && scan.host !== value) scan.malformed = true;
      scan.host = value;
      return;
    case 'forwarded-for':
      scan.forwardedFor = join(scan.forwardedFor, value);
      return;
    case 'loop':
      scan.loop = join(scan.loop, value);
      return;
    case 'accept-encoding':
      scan.acceptsEncoding = true;
      scan.headers.push('accept-encoding', value);
      return;
  }
}

function scanOrdinary(scan: Scan, name: string, value: string, websocket: boolean): void {
  const kind = headerKind(name);
  switch (kind) {
    case 'end-to-end':
      if (!name.startsWith('cf-') || name === jumpDestination) scan.headers.push(name, value);
      return;
    case 'te':
      if (value.toLowerCase() === 'trailers') scan.headers.push('te', 'trailers');
      return;
    case 'connection':
      scan.connection = join(scan.connection, value);
      return;
    case 'content-length':
      if (scan.contentLength === undefined && !websocket) scan.headers.push(name, value);
      scanLength(scan, value);
      return;
    case 'hop-by-hop':
      if (name === 'transfer-encoding') scanEncoding(scan, value);
      return;
    case 'internal':
    case 'upgrade':
      return;
  }
}

/** RFC 9112 6.1: anything but one final `chunked` is how two proxies come to see different requests. */
function scanEncoding(scan: Scan, value: string): void {
  if (scan.chunked || value.toLowerCase() !== 'chunked') scan.malformed = true;
  scan.chunked = true;
  scan.hasBody = true;
}

function scanLength(scan: Scan, value: string): void {
  const length = Number(value);
  if (!/^\d{1,15}$/.test(value) || (scan.contentLength !== undefined && scan.contentLength !== length))
    scan.malformed = true;
  scan.contentLength = length;
  if (length > 0) scan.hasBody = true;
}

/** RFC 9110 7.6.1: what `connection` names was meant for us alone. */
function withoutNamed(headers: string[], connection: string): string[] {
  if (connection === '') return headers;
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') return headers;
  const named = new Set(lower.split(',').map((name) => name.trim()));
  return headers.filter((_, index) => !named.has(headers[index - (index % 2)] ?? ''));
}

function join(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`;
}

/** RFC 9112 3.2 and RFC 3986: no spaces and control characters; `*` is for OPTIONS. */
function isPath(path: string): boolean {
  return (path.charCodeAt(0) === 0x2f || path === '*') && !/[^\x21-\x7e\x80-\xff]/.test(path);
}

/** RFC 8586: how often our own token is in CDN-Loop, and the other networks' members, ready to be put in front. */
function countLoops(value: string): { readonly count: number; readonly others: string } {
  if (value === '') return { count: 0, others: '' };
  let count = 0;
  let others = '';
  for (const member of value.split(',')) {
    const trimmed = member.trim();
    const [token, ...parameters] = trimmed.split(';').map((part) => part.trim().toLowerCase());
    if (token === 'cloudflare') count += loopsOf(parameters);
    else if (trimmed !== '') others += `${trimmed}, `;
  }
  return { count, others };
}

function loopsOf(parameters: readonly string[]): number {
  const loops = parameters.find((parameter) => parameter.startsWith('loops='));
  const count = loops === undefined ? 1 : Number.parseInt(loops.slice('loops='.length), 10);
  return Number.isSafeInteger(count) && count > 0 ? count : 1;
}
