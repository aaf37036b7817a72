// URLs as Go's net/url reads them. Node's URL follows another standard: it adds paths and default ports and refuses schemes that cloudflared accepts. Pure.
import { goQuote } from './go-text.ts';

/** The parts of a URL; `host` keeps its port and brackets, `path` is percent-decoded, `userinfo` is already escaped. */
export interface GoUrl {
  readonly scheme: string;
  readonly opaque: string;
  readonly userinfo: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly rawQuery: string | undefined;
  readonly fragment: string;
}

/** A text Go's url.Parse refuses; the message is Go's. */
export class GoUrlError extends Error {}

/** Reads a URL reference the way Go does; throws GoUrlError with Go's message. */
export function parseGoUrl(text: string): GoUrl {
  const hash = text.indexOf('#');
  const before = hash === -1 ? text : text.slice(0, hash);
  try {
    const url = parseWithoutFragment(before);
    return { ...url, fragment: hash === -1 ? '' : unescapeBytes(text.slice(hash + 1), 'path') };
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error;
    throw new GoUrlError(`parse ${goQuote(before)}: ${error.message}`);
  }
}

/** The host without port and brackets. */
export function hostnameOf(url: GoUrl): string {
  const host = withoutPort(url.host);
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** The port's digits, "" when there is none. */
export function portOf(url: GoUrl): string {
  const host = withoutPort(url.host);
  return url.host.slice(host.length + 1);
}

/** `scheme://user@host?query#fragment` as Go's URL.String writes a URL that has a host. */
export function formatGoUrl(url: GoUrl): string {
  const user = url.userinfo === undefined ? '' : `${url.userinfo}@`;
  const query = url.rawQuery === undefined ? '' : `?${url.rawQuery}`;
  const fragment = url.fragment === '' ? '' : `#${escapeText(url.fragment, /[A-Za-z0-9\-_.~$&+,/:;=?@!()*]/)}`;
  return `${url.scheme}://${user}${escapeText(url.host, hostCharacter)}${escapeText(url.path, /[A-Za-z0-9\-_.~$&+,/:;=@]/)}${query}${fragment}`;
}

type UnfragmentedUrl = Omit<GoUrl, 'fragment'>;

function parseWithoutFragment(text: string): UnfragmentedUrl {
  if (hasControlCharacter(text)) throw new GoUrlError('net/url: invalid control character in URL');
  const none = { scheme: '', opaque: '', userinfo: undefined, host: '', path: '', rawQuery: undefined };
  if (text === '*') return { ...none, path: '*' };
  const { scheme, rest: afterScheme } = splitScheme(text);
  const mark = afterScheme.indexOf('?');
  const rest = mark === -1 ? afterScheme : afterScheme.slice(0, mark);
  const rawQuery = mark === -1 ? undefined : afterScheme.slice(mark + 1);
  const head = { ...none, scheme, rawQuery };
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...head, opaque: rest };
    if ((rest.split('/', 1)[0] ?? '').includes(':'))
      throw new GoUrlError('first path segment in URL cannot contain colon');
  }
  if (!rest.startsWith('//') || (scheme === '' && rest.startsWith('///')))
    return { ...head, path: unescapeBytes(rest, 'path') };
  const slash = rest.indexOf('/', 2);
  const authority = slash === -1 ? rest.slice(2) : rest.slice(2, slash);
  const path = slash === -1 ? '' : rest.slice(slash);
  return { ...head, ...parseAuthority(authority), path: unescapeBytes(path, 'path') };
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function splitScheme(text: string): { scheme: string; rest: string } {
  if (text.startsWith(':')) throw new GoUrlError('missing protocol scheme');
  const found = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  if (found === null) return { scheme: '', rest: text };
  return { scheme: (found[1] ?? '').toLowerCase(), rest: text.slice(found[0].length) };
}

function parseAuthority(authority: string): { userinfo: string | undefined; host: string } {
  const at = authority.lastIndexOf('@');
  const host = parseHost(authority.slice(at + 1));
  if (at === -1) return { userinfo: undefined, host };
  const userinfo = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(userinfo)) throw new GoUrlError('net/url: invalid userinfo');
  const colon = userinfo.indexOf(':');
  const parts = colon === -1 ? [userinfo] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)];
  return { userinfo: parts.map((part) => escapeText(unescapeBytes(part, 'path'), userCharacter)).join(':'), host };
}

function parseHost(host: string): string {
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']');
    if (end === -1) throw new GoUrlError("missing ']' in host");
    checkPort(host.slice(end + 1));
    const zone = host.slice(0, end).indexOf('%25');
    if (zone === -1) return unescapeBytes(host, 'host');
    return (
      unescapeBytes(host.slice(0, zone), 'host') +
      unescapeBytes(host.slice(zone, end), 'zone') +
      unescapeBytes(host.slice(end), 'host')
    );
  }
  const colon = host.lastIndexOf(':');
  if (colon !== -1) checkPort(host.slice(colon));
  return unescapeBytes(host, 'host');
}

function checkPort(colonPort: string): void {
  if (!isColonPort(colonPort)) throw new GoUrlError(`invalid port ${goQuote(colonPort)} after host`);
}

function isColonPort(text: string): boolean {
  return text === '' || /^:[0-9]*$/.test(text);
}

function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon !== -1 && isColonPort(host.slice(colon)) ? host.slice(0, colon) : host;
}

const hostCharacter = /[A-Za-z0-9!$&'()*+,;=:[\]<>"\-_.~]/;
const plainHost = /^[A-Za-z0-9.:[\]_-]*$/;
const userCharacter = /[A-Za-z0-9\-_.~$&+,;=]/;

/** Percent-decodes; a host may only escape non-ASCII bytes (RFC 3986), a zone only what a host may hold (RFC 6874). */
function unescapeBytes(text: string, mode: 'path' | 'host' | 'zone'): string {
  if (mode === 'path' ? !text.includes('%') : plainHost.test(text)) return text;
  const bytes: number[] = [];
  const source = Buffer.from(text, 'utf8');
  for (let i = 0; i < source.length; i++) {
    const byte = source[i] ?? 0;
    if (byte !== 0x25) {
      const char = String.fromCharCode(byte);
      if (mode !== 'path' && byte < 0x80 && !hostCharacter.test(char))
        throw new GoUrlError(`invalid character ${goQuote(char)} in host name`);
      bytes.push(byte);
      continue;
    }
    const code = source.subarray(i, i + 3).toString('latin1');
    if (!/^%[0-9A-Fa-f]{2}$/.test(code)) throw new GoUrlError(`invalid URL escape ${goQuote(code)}`);
    const value = Number.parseInt(code.slice(1), 16);
    if (!mayEscape(value, code, mode)) throw new GoUrlError(`invalid URL escape ${goQuote(code)}`);
    bytes.push(value);
    i += 2;
  }
  return Buffer.from(bytes).toString('utf8');
}

function mayEscape(value: number, code: string, mode: 'path' | 'host' | 'zone'): boolean {
  if (mode === 'path' || code === '%25') return true;
  if (mode === 'host') return value >= 0x80;
  return value === 0x20 || hostCharacter.test(String.fromCharCode(value));
}

function escapeText(text: string, allowed: RegExp): string {
  if (plainHost.test(text)) return text;
  let out = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(byte);
    out += byte < 0x80 && allowed.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
