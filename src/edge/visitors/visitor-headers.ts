// What a visitor gets to see of an origin's headers and trailers. Pure.
import { isHeaderName, isHeaderValue } from '../../protocol/header-kinds.ts';
import { endToEndHeaders } from '../../protocol/headers.ts';

/** The first value of a header in a flat list; the name in lower case. */
export function headerValue(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if ((raw[i] ?? '').toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

/** RFC 9110 6.5.1: a trailer that frames or routes a message would be read as one of its headers by some. */
export function cleanTrailers(raw: readonly string[]): string[] {
  const headers = endToEndHeaders(raw);
  return headers.filter((_, index) => {
    const at = index - (index % 2);
    const name = (headers[at] ?? '').toLowerCase();
    return name !== 'content-length' && name !== 'host' && isHeaderName(name) && isHeaderValue(headers[at + 1] ?? '');
  });
}

/** The bytes a body has by its content-length; infinite when it has none. */
export function countDown(headers: readonly string[]): { bytes: number } {
  const length = headerValue(headers, 'content-length');
  return { bytes: length === undefined ? Number.POSITIVE_INFINITY : Number(length) };
}

/** RFC 9110 6.4.1; node:http2 knows 205 as well. */
export function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 205 || status === 304;
}

/** Said by the edge, or (`alt-svc`) about ports of the origin that are not ours. */
const edgeOnly: ReadonlySet<string> = new Set(['server', 'cf-ray', 'alt-svc']);

/** The origin's headers, ours in place of what it says about itself. */
export function visitorHeaders(headers: readonly string[], ray: string): string[] {
  const result: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length > 7 || !edgeOnly.has(name.toLowerCase())) result.push(name, headers[i + 1] ?? '');
  }
  result.push('server', 'sallyport', 'cf-ray', ray);
  return result;
}
