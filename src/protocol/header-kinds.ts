// Which header names mean something to a proxy. Pure, and on the path of every request: lookups, no pattern per header.

/** What a proxy does with a header: pass it on, drop it, or look at its value. */
export type HeaderKind = 'end-to-end' | 'hop-by-hop' | 'internal' | 'connection' | 'upgrade' | 'te' | 'content-length';

/**
 * RFC 9110 7.6.1 and the older names still seen. `expect` is answered by each hop's own HTTP stack, and a `trailer`
 * announcement is void once a hop has changed the framing; trailers themselves travel without it.
 */
const special: ReadonlyMap<string, HeaderKind> = new Map<string, HeaderKind>([
  ['connection', 'connection'],
  ['upgrade', 'upgrade'],
  ['te', 'te'],
  ['content-length', 'content-length'],
  ['keep-alive', 'hop-by-hop'],
  ['proxy-connection', 'hop-by-hop'],
  ['transfer-encoding', 'hop-by-hop'],
  ['http2-settings', 'hop-by-hop'],
  ['expect', 'hop-by-hop'],
  ['trailer', 'hop-by-hop'],
]);

/** Reserved for connector and edge; an origin or visitor can neither see nor forge them. */
const internalPrefixes = ['cf-cloudflared-', 'cf-int-', 'cf-proxy-'];

/** The kind of a header; the name must be in lower case. Pseudo headers are internal. */
export function headerKind(name: string): HeaderKind {
  const known = special.get(name);
  if (known !== undefined) return known;
  if (name.charCodeAt(0) === 0x3a) return 'internal';
  if (name.startsWith('cf-') && internalPrefixes.some((prefix) => name.startsWith(prefix))) return 'internal';
  return 'end-to-end';
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/** RFC 9110 5.1: a name is a token. node:http2 ends a whole session over one that is not. */
export function isHeaderName(name: string): boolean {
  return token.test(name);
}

/** RFC 9110 5.5, each character one byte: no control characters, so no header can smuggle in another. */
export function isHeaderValue(value: string): boolean {
  return !notInValue.test(value);
}

/** Names common enough that looking them up beats encoding and classifying them each time. A fixed list: peers cannot grow it. */
export const commonHeaderNames: readonly string[] = [
  ...['Accept-Ranges', 'Access-Control-Allow-Credentials', 'Access-Control-Allow-Headers', 'Age', 'Allow', 'Alt-Svc'],
  ...['Access-Control-Allow-Methods', 'Access-Control-Allow-Origin', 'Access-Control-Expose-Headers', 'Cache-Control'],
  ...['Connection', 'Content-Disposition', 'Content-Encoding', 'Content-Language', 'Content-Length', 'Content-Range'],
  ...['Content-Security-Policy', 'Content-Type', 'Date', 'ETag', 'Etag', 'Expires', 'Keep-Alive', 'Last-Modified'],
  ...['Link', 'Location', 'Permissions-Policy', 'Pragma', 'Referrer-Policy', 'Retry-After', 'Sec-Websocket-Accept'],
  ...['Sec-WebSocket-Accept', 'Server', 'Set-Cookie', 'Strict-Transport-Security', 'Transfer-Encoding', 'Upgrade'],
  ...['Vary', 'Via', 'WWW-Authenticate', 'Www-Authenticate', 'X-Content-Type-Options', 'X-Frame-Options'],
  ...['X-Permitted-Cross-Domain-Policies', 'X-Powered-By', 'X-Request-Id', 'X-Robots-Tag', 'X-Xss-Protection'],
];
