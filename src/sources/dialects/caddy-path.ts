// Caddy's path matchers as the expressions cloudflared matches. Pure.

import { quote } from '../quote.ts';
import type { Directive } from './caddy-tree.ts';
import { exactPath, literal, pathPrefix } from './path-text.ts';

/** A path, none for every path, or why there is no counterpart. */
export type CaddyPath = { readonly path: string | undefined } | { readonly problem: string };

/** Reads `/api/*`, `*`, nothing, or `@name`, which is looked up in the site. */
export function caddyPath(matcher: string, site: Directive): CaddyPath {
  const text = matcher.trim();
  if (text === '' || text === '*') return { path: undefined };
  if (text.startsWith('@')) return namedPath(text, site);
  return text.startsWith('/')
    ? { path: onePath(text) }
    : { problem: `${quote(text)} is no matcher that can be carried over` };
}

/** A named matcher that looks at nothing but paths. */
function namedPath(name: string, site: Directive): CaddyPath {
  const found = site.inside.find((one) => one.name === name);
  const isPlain = found?.inside.length === 0 && found.args.startsWith('path ');
  const [only, second] = found?.inside ?? [];
  const paths = isPlain
    ? found.args.slice('path '.length)
    : only?.name === 'path' && second === undefined
      ? only.args
      : '';
  const words = paths.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0 || !words.every((word) => word.startsWith('/')))
    return { problem: `the matcher ${quote(name)} looks at more than paths` };
  const patterns = words.map(onePath);
  if (patterns.includes(undefined)) return { path: undefined };
  return { path: patterns.length === 1 ? patterns[0] : patterns.map((pattern) => `(?:${pattern ?? ''})`).join('|') };
}

/** A star at the end is a prefix; one elsewhere is anything but a slash. */
function onePath(path: string): string | undefined {
  if (path.endsWith('*') && !path.slice(0, -1).includes('*')) return pathPrefix(path.slice(0, -1));
  if (!path.includes('*')) return exactPath(path);
  return `^${path.split('*').map(literal).join('[^/]*')}$`;
}
