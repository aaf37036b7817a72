// Headers as they cross the tunnel: cleaned for the origin, serialised into one header for the edge, and read back there.
// Pure, and on the path of every request. Raw headers are flat (name, value, name, value …): order, duplicates and
// latin1 bytes survive.
import { ProtocolError } from '../errors.ts';
import { commonHeaderNames, headerKind, isHeaderName, isHeaderValue } from './header-kinds.ts';
import { maxHeaderBlock, maxHeaderValue } from './http2.ts';

/** The names connector and edge use between themselves. */
export const headerNames = {
  /** Says what kind of stream this is. */
  upgrade: 'cf-cloudflared-proxy-connection-upgrade',
  /** The visitor's address; makes a stream raw TCP. */
  proxySource: 'cf-cloudflared-proxy-src',
  /** The origin's headers, serialised. */
  responseHeaders: 'cf-cloudflared-response-headers',
  /** Who produced the response. */
  responseMeta: 'cf-cloudflared-response-meta',
  /** The connector's id, added to requests to origins. */
  warpTagId: 'cf-warp-tag-id',
} as const;

/** Name, value, name, value …; buffers as undici gives them. */
export type RawHeaders = readonly (string | Buffer)[];

/** A request as the origin should see it. */
export interface CleanRequest {
  readonly method: string;
  readonly scheme: string;
  /** `:authority`, else `host`, else empty; `headers` holds neither. */
  readonly authority: string;
  /** Path and query as received. */
  readonly path: string;
  /** Flat; names as received (lower case over HTTP/2). */
  readonly headers: string[];
}

const pseudoHeaders = [':method', ':scheme', ':authority', ':path'] as const;
const websocketHeaders = ['connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-version', '13'];

/**
 * Splits a stream's raw request headers into pseudo headers and the ones for the origin: internal and hop-by-hop ones
 * off (`te: trailers` stays, gRPC needs it), the handshake HTTP/2 cannot carry restored for websockets, which have no body.
 */
export function cleanRequestHeaders(raw: RawHeaders, options: { readonly websocket: boolean }): CleanRequest {
  const pseudo: Record<string, string> = {};
  let host = '';
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]);
    const value = text(raw[i + 1]);
    if (name.charCodeAt(0) === 0x3a) pseudo[name] = value;
    else if (name.toLowerCase() === 'host') host = value;
    else if (!options.websocket || !isHandshake(name)) headers.push(name, value);
  }
  const [method = 'GET', scheme = 'http', authority = host, path = '/'] = pseudoHeaders.map((name) => pseudo[name]);
  const clean = endToEndHeaders(headers);
  if (options.websocket) clean.push(...websocketHeaders);
  return { method, scheme, authority, path, headers: clean };
}

/** What a websocket request carries anew or cannot have. */
function isHandshake(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'sec-websocket-version' || lower === 'content-length';
}

/** The headers that may travel further: no pseudo, internal or hop-by-hop ones, nor those `connection` names. */
export function endToEndHeaders(raw: RawHeaders): string[] {
  const headers: string[] = [];
  let connection = '';
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]);
    const value = text(raw[i + 1]);
    const kind = headerKind(name.toLowerCase());
    if (kind === 'end-to-end' || kind === 'content-length') headers.push(name, value);
    else if (kind === 'te' && value.toLowerCase() === 'trailers') headers.push(name, value);
    else if (kind === 'connection') connection = connection === '' ? value : `${connection},${value}`;
  }
  return dropNamed(headers, connection);
}

/** RFC 9110 7.6.1: what `connection` names is for this hop only. */
function dropNamed(headers: string[], connection: string): string[] {
  if (connection === '' || isPlainConnection(connection)) return headers;
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  return headers.filter((_, index) => !named.has((headers[index - (index % 2)] ?? '').toLowerCase()));
}

function isPlainConnection(connection: string): boolean {
  const lower = connection.toLowerCase();
  return lower === 'keep-alive' || lower === 'close' || lower === 'upgrade';
}

/** Who produced a response: the origin, or the connector in its place. */
export type ResponseSource = 'origin' | 'cloudflared';

/** The value of the meta header. */
export interface ResponseMeta {
  readonly source: ResponseSource;
  readonly flowRateLimited: boolean;
}

const originMeta = '{"src":"origin"}';
const connectorMeta = '{"src":"cloudflared"}';
const limitedMeta = '{"src":"cloudflared","flow_rate_limited":true}';

/** The meta header's value; only the connector can have limited a flow. */
export function responseMeta(meta: ResponseMeta): string {
  if (meta.source === 'origin') return originMeta;
  return meta.flowRateLimited ? limitedMeta : connectorMeta;
}

/** Reads the meta header; an unknown source counts as the connector's. Throws ProtocolError when it is not a JSON object. */
export function parseResponseMeta(value: string): ResponseMeta {
  if (value === originMeta) return { source: 'origin', flowRateLimited: false };
  const meta = parseObject(value);
  return { source: meta.src === 'origin' ? 'origin' : 'cloudflared', flowRateLimited: meta.flow_rate_limited === true };
}

function parseObject(value: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch (cause) {
    throw new ProtocolError(`${headerNames.responseMeta} is not JSON`, cause);
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw new ProtocolError(`${headerNames.responseMeta} is no object`);
  return parsed as Record<string, unknown>;
}

const encodedNames = new Map<string, string>();
const decodedNames = new Map<string, string>();
for (const name of commonHeaderNames) {
  for (const form of [name, name.toLowerCase()]) {
    encodedNames.set(form, encode(form));
    decodedNames.set(encode(form), form);
  }
}

/** `base64(name):base64(value)` joined by `;`, without padding. Each character is one byte; others throw ProtocolError. */
export function serializeHeaders(pairs: readonly (readonly [string, string])[]): string {
  try {
    return pairs.map(([name, value]) => `${encodedNames.get(name) ?? encode(name)}:${encode(value)}`).join(';');
  } catch (cause) {
    throw new ProtocolError('a header holds characters beyond latin1', cause);
  }
}

/** The inverse of serializeHeaders; empty segments are skipped. Nothing is filtered. Throws ProtocolError. */
export function parseSerializedHeaders(serialized: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (let start = 0; start < serialized.length; ) {
    const semicolon = serialized.indexOf(';', start);
    const end = semicolon === -1 ? serialized.length : semicolon;
    if (end > start) pairs.push(parsePair(serialized, start, end));
    start = end + 1;
  }
  return pairs;
}

function parsePair(serialized: string, start: number, end: number): [string, string] {
  const segment = serialized.slice(start, end);
  const colon = segment.indexOf(':');
  if (colon === -1 || segment.indexOf(':', colon + 1) !== -1)
    throw new ProtocolError(`${headerNames.responseHeaders} has a segment without exactly one colon`);
  const name = segment.slice(0, colon);
  return [decodedNames.get(name) ?? decode(name), decode(segment.slice(colon + 1))];
}

/** Measured on short values: btoa and a slice take a third of the time of Buffer's own base64. */
function encode(latin1: string): string {
  const padded = btoa(latin1);
  const spare = latin1.length % 3;
  return spare === 0 ? padded : padded.slice(0, spare - 3);
}

function decode(base64: string): string {
  try {
    return atob(base64);
  } catch (cause) {
    throw new ProtocolError(`${headerNames.responseHeaders} holds invalid base64`, cause);
  }
}

/** A response the connector is about to send. */
export interface TunnelResponse {
  /** The origin's status; 101 travels as 200. */
  readonly status: number;
  readonly headers: RawHeaders;
  readonly source: ResponseSource;
  readonly flowRateLimited?: boolean;
}

/** Headers ready for `stream.respond()` or `session.request()`, and whether they can be sent without ending the session. */
export interface HeaderBlock {
  /** Flat. */
  readonly headers: string[];
  /** As RFC 9113 6.5.2 counts: bytes of names and values, plus 32 per header. */
  readonly size: number;
  /** False: sending it would end the session and every request on it. Answer with something smaller. */
  readonly fits: boolean;
}

/**
 * A response as cloudflared sends it: the origin's headers serialised into one, `content-length` also as itself so that
 * HTTP/2 notices a truncated body. Hop-by-hop, internal and malformed headers are dropped; those of a 101 stay, they
 * tell the edge that the upgrade happened. Throws ProtocolError for a status HTTP/2 cannot carry.
 */
export function encodeResponseHeaders(response: TunnelResponse): HeaderBlock {
  const upgraded = response.status === 101;
  const status = upgraded ? 200 : response.status;
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new ProtocolError(`the origin answered with status ${status}, which HTTP/2 cannot carry`);
  const { serialized, contentLength } = serializeResponse(response.headers, upgraded);
  const headers = [':status', String(status)];
  if (contentLength !== undefined && !upgraded && status !== 204) headers.push('content-length', contentLength);
  // A connector's own answer carries none, as cloudflared's do.
  if (response.source === 'origin' || serialized !== '') headers.push(headerNames.responseHeaders, serialized);
  const meta = { source: response.source, flowRateLimited: response.flowRateLimited === true };
  headers.push(headerNames.responseMeta, responseMeta(meta));
  return headerBlock(headers);
}

function serializeResponse(raw: RawHeaders, upgraded: boolean): { serialized: string; contentLength?: string } {
  const headers = upgraded ? withoutInternal(raw) : endToEndHeaders(raw);
  let serialized = '';
  let contentLength: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const encodedName = encodedNames.get(name) ?? (isHeaderName(name) ? encode(name) : undefined);
    if (encodedName === undefined || !isHeaderValue(value)) continue;
    if (isContentLength(name)) contentLength = checkedLength(value, contentLength);
    serialized += `${serialized === '' ? '' : ';'}${encodedName}:${encode(value)}`;
  }
  return contentLength === undefined ? { serialized } : { serialized, contentLength };
}

function withoutInternal(raw: RawHeaders): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]);
    if (headerKind(name.toLowerCase()) !== 'internal') headers.push(name, text(raw[i + 1]));
  }
  return headers;
}

/** The size of a flat header list, and whether both ends take it. */
export function headerBlock(headers: string[]): HeaderBlock {
  let size = 0;
  let longest = 0;
  for (let i = 0; i < headers.length; i++) {
    const length = headers[i]?.length ?? 0;
    size += length + 16;
    if (length > longest) longest = length;
  }
  return { headers, size, fits: size <= maxHeaderBlock && longest <= maxHeaderValue };
}

/** A response as the edge got it, ready for the visitor. */
export interface EdgeResponse {
  readonly status: number;
  readonly source: ResponseSource;
  readonly flowRateLimited: boolean;
  /** A websocket's 101, which crossed the tunnel as 200. */
  readonly upgraded: boolean;
  /** Flat, end-to-end ones only, names as the origin wrote them; at most one content-length. */
  readonly headers: string[];
}

/** Headers as node:http2's `response` event gives them. */
export type ReceivedHeaders = Readonly<Record<string, number | string | string[] | undefined>>;

/**
 * Reads what encodeResponseHeaders or a cloudflared wrote. Headers outside the serialised set are the connector's HTTP
 * library's guesses (a sniffed content-type!) and are ignored. Malformed, internal and hop-by-hop ones are dropped.
 * Throws ProtocolError when the encoding itself is broken, or content-length contradicts itself.
 */
export function decodeResponseHeaders(headers: ReceivedHeaders): EdgeResponse {
  const meta = parseResponseMeta(single(headers[headerNames.responseMeta]) ?? originMeta);
  const serialized = single(headers[headerNames.responseHeaders]) ?? '';
  const status = Number(headers[':status'] ?? 0);
  return { status, ...meta, ...visitorHeaders(parseSerializedHeaders(serialized), status) };
}

function visitorHeaders(pairs: [string, string][], status: number): Pick<EdgeResponse, 'headers' | 'upgraded'> {
  const raw: string[] = [];
  let upgraded = false;
  let contentLength: string | undefined;
  for (const [name, value] of pairs) {
    if (!(encodedNames.has(name) || isHeaderName(name)) || !isHeaderValue(value)) continue;
    if (status === 200 && name.length === 7 && name.toLowerCase() === 'upgrade')
      upgraded ||= value.toLowerCase() === 'websocket';
    if (isContentLength(name)) {
      const first = contentLength === undefined;
      contentLength = checkedLength(value, contentLength);
      if (!first) continue;
    }
    raw.push(name, value);
  }
  const headers = endToEndHeaders(raw);
  return { upgraded, headers: upgraded ? headers.filter((_, i) => !isContentLength(headers[i - (i % 2)])) : headers };
}

function isContentLength(name: string | undefined): boolean {
  return name?.length === 14 && name.toLowerCase() === 'content-length';
}

/** RFC 9112 6.3: lengths that differ are an attack or a bug, never a choice. */
function checkedLength(value: string, previous: string | undefined): string {
  if (!/^\d{1,15}$/.test(value) || (previous !== undefined && previous !== value))
    throw new ProtocolError('a response has an invalid or contradictory content-length');
  return value;
}

function single(value: ReceivedHeaders[string]): string | undefined {
  return value === undefined ? undefined : String(value);
}

function text(part: string | Buffer | undefined): string {
  return typeof part === 'string' ? part : (part?.toString('latin1') ?? '');
}
