// The arguments of Caddy's reverse_proxy: a matcher, and upstreams as a template or as addresses. Pure.
import { quote } from '../quote.ts';

/** Where a reverse_proxy leads; without a host it is the container itself. */
export interface Upstream {
  readonly scheme?: string;
  readonly host?: string;
  readonly port?: string;
  /** There are further ones. */
  readonly more: boolean;
}

/** The arguments apart. */
export interface ReverseProxy {
  readonly matcher: string;
  readonly upstream: Upstream | { readonly problem: string };
}

const template = /\{\{\s*upstreams((?:\s+[A-Za-z0-9]{1,16}){0,2})\s*\}\}/;

/** Reads `/api/* {{upstreams https 8443}}` or `@app http://app:80`. */
export function readUpstream(args: string): ReverseProxy {
  const [, matcher = '', rest = ''] = /^\s*([/@*]\S*)?\s*([\s\S]*)$/.exec(args) ?? [];
  const call = template.exec(rest);
  const others = rest.replace(template, '').trim();
  if (call !== null) return { matcher, upstream: { ...callOf(call[1] ?? ''), more: others !== '' } };
  if (rest === '') return { matcher, upstream: { problem: 'it names no upstream' } };
  const [first = '', ...more] = rest.split(/\s+/);
  return { matcher, upstream: addressOf(first, more.length > 0) };
}

/** `https 8443`, `8443`, `https` or nothing. */
function callOf(words: string): { readonly scheme?: string; readonly port?: string } {
  const [first, second] = words.trim().split(/\s+/);
  const port = [first, second].find((word) => /^\d+$/.test(word ?? ''));
  const scheme = first !== undefined && /^https?$/i.test(first) ? first.toLowerCase() : undefined;
  return { ...(scheme === undefined ? {} : { scheme }), ...(port === undefined ? {} : { port }) };
}

function addressOf(text: string, more: boolean): ReverseProxy['upstream'] {
  const match = /^(?:(https?):\/\/)?([A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return { problem: `${quote(text)} is no address that can be carried over` };
  const [, scheme, host = '', port] = match;
  return { host, more, ...(scheme === undefined ? {} : { scheme }), ...(port === undefined ? {} : { port }) };
}
