// The addresses of a Caddy site as hostnames. Pure.
import { quote } from '../quote.ts';

/** What a site answers to, and what of it cannot be a hostname. */
export interface Addresses {
  readonly hostnames: readonly string[];
  readonly problem?: string;
}

/** Reads `a.example.com, https://b.example.com:443`; separators are commas and spaces. */
export function readAddresses(text: string): Addresses {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const read = words.map((word) => ({ word, ...readAddress(word) }));
  const problem = read.find((one) => one.problem !== undefined);
  const hostnames = [...new Set(read.flatMap((one) => one.hostname ?? []))];
  if (problem === undefined) return { hostnames };
  return { hostnames, problem: `${quote(problem.word)} ${problem.problem ?? ''}` };
}

function readAddress(word: string): { readonly hostname?: string; readonly problem?: string } {
  if (/[{}$]/.test(word)) return { problem: 'is a template, which only Caddy fills in' };
  const match = /^(?:(https?):\/\/)?([^/:]*)(?::(\d{1,5}))?(\/.*)?$/.exec(word);
  if (match === null) return { problem: 'is no address' };
  const [, , host = '', port, path] = match;
  if (host === '') return { problem: 'names no host' };
  if (path !== undefined && path !== '/' && path !== '/*') return { problem: 'has a path, which sites no longer have' };
  if (port !== undefined && port !== '443' && port !== '80')
    return { hostname: host, problem: 'is reached at the usual ports here' };
  return { hostname: host };
}
