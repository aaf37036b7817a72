// A Traefik rule as the hostnames and paths it routes, and what of it cannot be said with those. Pure.
import { namesOfRegexp, namesOfTemplate, splitTemplate } from './host-pattern.ts';
import { literal } from './path-text.ts';
import type { Rule } from './traefik-rule.ts';

/** One hostname with a path, as cloudflared matches it. */
export interface Route {
  readonly hostname: string;
  readonly path?: string;
}

/** What a rule comes to. */
export interface Routes {
  readonly routes: readonly Route[];
  /** Parts that are left out, each with the reason: to publish them without a condition would open more than was written. */
  readonly problems: readonly string[];
}

/** A rule has a few alternatives; one that multiplies out to more is left alone. */
const maxAlternatives = 64;
const maxRoutes = 32;

/** The routes of a rule. */
export function routesOf(rule: Rule): Routes {
  const alternatives = spread(rule, false);
  if (alternatives === undefined) return { routes: [], problems: ['it has too many alternatives'] };
  const found = alternatives.map(routesOfAlternative);
  const routes = found.flatMap((one) => ('routes' in one ? one.routes : []));
  const problems = found.flatMap((one) => ('problem' in one ? [one.problem] : []));
  const distinct = [...new Map(routes.map((route) => [JSON.stringify(route), route])).values()];
  if (distinct.length > maxRoutes) return { routes: [], problems: ['it names too many hosts'] };
  return { routes: distinct, problems: [...new Set(problems)] };
}

/** One condition of an alternative. */
interface Condition {
  readonly name: string;
  readonly args: readonly string[];
  readonly isNegated: boolean;
}

/** The rule as alternatives of conditions that all hold; undefined when there are too many. */
function spread(rule: Rule, isNegated: boolean): readonly (readonly Condition[])[] | undefined {
  if (rule.kind === 'matcher') return [[{ name: rule.name, args: rule.args, isNegated }]];
  if (rule.kind === 'not') return spread(rule.of, !isNegated);
  const left = spread(rule.left, isNegated);
  const right = spread(rule.right, isNegated);
  if (left === undefined || right === undefined) return undefined;
  const isOr = (rule.kind === 'or') !== isNegated;
  const count = isOr ? left.length + right.length : left.length * right.length;
  if (count > maxAlternatives) return undefined;
  return isOr ? [...left, ...right] : left.flatMap((a) => right.map((b) => [...a, ...b]));
}

type Alternative = { readonly routes: readonly Route[] } | { readonly problem: string };

function routesOfAlternative(conditions: readonly Condition[]): Alternative {
  let hosts: readonly string[] | undefined;
  let paths: readonly (string | undefined)[] | undefined;
  for (const condition of conditions) {
    if (condition.isNegated) return { problem: `"not ${titleOf(condition)}" has no counterpart` };
    const matcher = Object.hasOwn(matchers, condition.name) ? matchers[condition.name] : undefined;
    if (matcher === undefined) return { problem: `${titleOf(condition)} has no counterpart` };
    const values = matcher.read(condition.args);
    if (values === undefined) return { problem: `${titleOf(condition)} cannot be put into ${matcher.into}` };
    if (matcher.into === 'hostnames') {
      const before = hosts;
      hosts = before === undefined ? (values as readonly string[]) : before.filter((host) => values.includes(host));
    } else if (paths === undefined) paths = values;
    else return { problem: 'two conditions on the path have no counterpart' };
  }
  if (hosts === undefined) return { problem: 'a part without Host has no counterpart' };
  if (hosts.length === 0) return { problem: 'a part needs two hosts at once' };
  const named = hosts;
  return {
    routes: (paths ?? [undefined]).flatMap((path) =>
      named.map((hostname) => (path === undefined ? { hostname } : { hostname, path })),
    ),
  };
}

const titles: Readonly<Record<string, string>> = {
  clientip: 'ClientIP',
  hostregexp: 'HostRegexp',
  hostsni: 'HostSNI',
  hostsniregexp: 'HostSNIRegexp',
  hostheader: 'HostHeader',
  headerregexp: 'HeaderRegexp',
  headersregexp: 'HeadersRegexp',
  pathprefix: 'PathPrefix',
  pathregexp: 'PathRegexp',
  queryregexp: 'QueryRegexp',
};

/** A matcher as the documentation writes it. */
function titleOf({ name }: Condition): string {
  return titles[name] ?? `${name.slice(0, 1).toUpperCase()}${name.slice(1, 40)}`;
}

interface Matcher {
  readonly into: 'hostnames' | 'a path';
  /** Every value stands for itself; undefined when one has no counterpart. A path of undefined is every path. */
  readonly read: (args: readonly string[]) => readonly (string | undefined)[] | undefined;
}

const host: Matcher = { into: 'hostnames', read: (args) => (args.every(isName) && args.length > 0 ? args : undefined) };
const hostRegexp: Matcher = { into: 'hostnames', read: (args) => listed(args.map(hostNames)) };

const matchers: Readonly<Record<string, Matcher>> = {
  host,
  hostheader: host,
  hostsni: host,
  hostregexp: hostRegexp,
  hostsniregexp: hostRegexp,
  path: { into: 'a path', read: (args) => listed(args.map((path) => templatePath(path, '$'))) },
  pathprefix: { into: 'a path', read: (args) => listed(args.map((path) => templatePath(path, ''))) },
  pathregexp: { into: 'a path', read: (args) => (args.length > 0 ? args : undefined) },
};

/** `*` is every host, which is none in particular. */
function isName(text: string): boolean {
  return !text.includes('*') && text !== '';
}

/** Version 2 writes `{name:pattern}`, version 3 a plain expression. */
function hostNames(pattern: string): readonly string[] | undefined {
  return pattern.includes('{') && !pattern.startsWith('^') ? namesOfTemplate(pattern) : namesOfRegexp(pattern);
}

function listed<T>(lists: readonly (readonly T[] | undefined)[]): readonly T[] | undefined {
  if (lists.length === 0 || lists.some((list) => list === undefined)) return undefined;
  return lists.flatMap((list) => list ?? []);
}

/** A path with version 2's placeholders; version 3 has none, and no path holds a brace. */
function templatePath(path: string, end: '' | '$'): readonly (string | undefined)[] | undefined {
  if (!path.startsWith('/')) return undefined;
  if (path === '/' && end === '') return [undefined];
  const parts = splitTemplate(path);
  if (parts === undefined) return undefined;
  const pattern = parts
    .map((part) => ('text' in part ? literal(part.text) : `(?:${part.pattern || '[^/]+'})`))
    .join('');
  return [`^${pattern}${end}`];
}
