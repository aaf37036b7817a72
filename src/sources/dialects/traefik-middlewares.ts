// What Traefik's middlewares do to a router: which of them guard it, which change requests, and which may do either. Pure.
import { quote } from '../quote.ts';

/** Kinds by name, as far as this container defines them: `basicauth`, `chain` …, all kinds of one name. */
export type MiddlewareKinds = ReadonlyMap<string, readonly string[]>;

/** What a router's middlewares come to. */
export interface Middlewares {
  /** What guards it, or may. */
  readonly guard?: string;
  /** Everything there is to say of them. */
  readonly why: string;
}

const guarding: ReadonlySet<string> = new Set([
  'basicauth',
  'digestauth',
  'forwardauth',
  'ipwhitelist',
  'ipallowlist',
  'passtlsclientcert',
]);
const rewriting: ReadonlySet<string> = new Set([
  'addprefix',
  'replacepath',
  'replacepathregex',
  'stripprefix',
  'stripprefixregex',
]);
const harmless: ReadonlySet<string> = new Set([
  'buffering',
  'circuitbreaker',
  'compress',
  'contenttype',
  'encodedcharacters',
  'errors',
  'grpcweb',
  'headers',
  'inflightconn',
  'inflightreq',
  'ratelimit',
  'redirectregex',
  'redirectscheme',
  'retry',
]);

/** Names under which nearly everyone keeps the redirect to HTTPS, which is usually defined elsewhere. */
const redirectNames: ReadonlySet<string> = new Set([
  'httpredirect',
  'httpsonly',
  'httpsredirect',
  'httpsredirectscheme',
  'httptohttps',
  'redirect',
  'redirecthttps',
  'redirecthttptohttps',
  'redirectscheme',
  'redirecttohttps',
  'redirectwebsecure',
]);

const maxChain = 32;

/** Judges the names of a router's `middlewares`; `resolve` finds the links of a chain. */
export function judgeMiddlewares(
  names: readonly string[],
  kinds: MiddlewareKinds,
  links: (chain: string) => readonly string[],
): Middlewares {
  const guards: string[] = [];
  const others: string[] = [];
  for (const name of unchained(names, kinds, links)) {
    const known = kindsOf(name, kinds);
    const title = quote(name) + (known.length === 0 ? '' : ` (${known.map((kind) => kind.slice(0, 40)).join(', ')})`);
    if (known.some((kind) => guarding.has(kind))) guards.push(`Traefik's middleware ${title} guards it`);
    else if (known.some((kind) => rewriting.has(kind)))
      others.push(`${title} changes paths, which stay as they are here`);
    else if (known.length > 0 && known.every((kind) => harmless.has(kind))) others.push(`${title} has no counterpart`);
    else if (known.length === 0 && isRedirect(name)) others.push(`${title} is the edge's business here`);
    else guards.push(`Traefik's middleware ${title} may guard it`);
  }
  const shown = [...guards, ...others].slice(0, 4);
  const more = guards.length + others.length - shown.length;
  const why = shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
  return guards[0] === undefined ? { why } : { guard: guards[0], why: `${why}; here a policy must guard it` };
}

/** Chains replaced by their links; one that names itself, or too many, stays as it is. */
function unchained(
  names: readonly string[],
  kinds: MiddlewareKinds,
  links: (chain: string) => readonly string[],
): readonly string[] {
  const result: string[] = [];
  const seen = new Set<string>();
  const queue = [...names];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const inner = kindsOf(name, kinds).includes('chain') && seen.size <= maxChain ? links(localName(name)) : [];
    if (inner.length === 0) result.push(name);
    else queue.push(...inner);
  }
  return result;
}

function kindsOf(name: string, kinds: MiddlewareKinds): readonly string[] {
  return kinds.get(localName(name)) ?? [];
}

/** Without `@docker`; what other providers define keeps its suffix and is not found here. */
function localName(name: string): string {
  return name.replace(/@docker$/i, '');
}

function isRedirect(name: string): boolean {
  return redirectNames.has(
    name
      .replace(/@[^@]*$/, '')
      .toLowerCase()
      .replaceAll(/[-_]/g, ''),
  );
}
