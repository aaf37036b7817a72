// caddy-docker-proxy: sites with a `reverse_proxy` to this container, and what guards them there. Pure.
import { quote } from '../quote.ts';
import { readAddresses } from './caddy-address.ts';
import { caddyPath } from './caddy-path.ts';
import { caddySites, type Directive } from './caddy-tree.ts';
import { readUpstream, type Upstream } from './caddy-upstream.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { setService } from './service-target.ts';

/** caddy-docker-proxy's labels. */
export const caddy: Dialect = {
  name: 'caddy',
  owns: (key) => /^caddy(?:_\d{1,9}|_ingress_network|_controlled_server)?(?:\.|$)/.test(key),
  read(labels) {
    const network = labels.get('caddy_ingress_network');
    labels.pass((key) => key.startsWith('caddy_controlled_server'));
    const drafts = caddySites(labels).flatMap((site) => readSite(labels, site));
    if (network !== undefined) for (const draft of drafts) draft.set('network', network, 'caddy_ingress_network');
  },
};

function readSite(labels: ForeignLabels, site: Directive): readonly EntryDraft[] {
  // Snippets and global options are nobody's address.
  if (site.args === '' || /^\([^)]*\)$/.test(site.args)) return [];
  const { hostnames, problem } = readAddresses(site.args);
  if (problem !== undefined) labels.note(site.key, problem);
  const proxies = proxiesOf(labels, site, site, undefined);
  if (proxies.length === 0 && hostnames.length > 0)
    labels.note(site.key, 'it has no reverse_proxy to this container, so nothing is published through it');
  const guards = guardsOf(site);
  noteLost(labels, site);
  return proxies.flatMap((proxy) =>
    hostnames.map((hostname) => {
      const draft = labels.entry(hostname.split('.')[0] ?? '', site.key);
      draft.set('hostname', hostname, site.key);
      if (proxy.path !== undefined) draft.set('path', proxy.path, proxy.directive.key);
      applyUpstream(labels, draft, proxy);
      for (const guard of guards) draft.guard(guard.key, `Caddy's ${quote(guard.name)} guards it or may`);
      return draft;
    }),
  );
}

/** A reverse_proxy, where it leads and for which path. */
interface Proxy {
  readonly directive: Directive;
  readonly upstream: Upstream;
  readonly path: string | undefined;
}

const blocks: ReadonlySet<string> = new Set(['handle', 'handle_path', 'route']);

/** The proxies of a site, those in handle blocks included. */
function proxiesOf(
  labels: ForeignLabels,
  site: Directive,
  block: Directive,
  path: string | undefined,
): readonly Proxy[] {
  return block.inside.flatMap((directive) => {
    if (blocks.has(directive.name)) {
      const own = matched(labels, site, directive, directive.args);
      if (own === undefined) return [];
      if (directive.name === 'handle_path' && own.path !== undefined)
        labels.note(directive.key, 'the path is passed on whole here, without its beginning taken off');
      if (own.path !== undefined && path !== undefined) {
        labels.note(directive.key, 'a path within a path has no counterpart; nothing is published through it');
        return [];
      }
      return proxiesOf(labels, site, directive, own.path ?? path);
    }
    if (directive.name !== 'reverse_proxy') return [];
    const read = readUpstream(directive.args);
    const own = matched(labels, site, directive, read.matcher);
    if (own === undefined) return [];
    if ('problem' in read.upstream) {
      labels.note(directive.key, `${read.upstream.problem}; nothing is published through it`);
      return [];
    }
    if (read.upstream.more) labels.note(directive.key, 'only the first of several upstreams is used');
    return [{ directive, upstream: read.upstream, path: own.path ?? path }];
  });
}

/** The path a matcher stands for; undefined when it is none, and then nothing is published through it. */
function matched(
  labels: ForeignLabels,
  site: Directive,
  directive: Directive,
  matcher: string,
): { readonly path: string | undefined } | undefined {
  const read = caddyPath(matcher, site);
  if ('path' in read) return read;
  labels.note(directive.key, `${read.problem}; nothing is published through it`);
  return undefined;
}

function applyUpstream(labels: ForeignLabels, draft: EntryDraft, { directive, upstream }: Proxy): void {
  const transport = directive.inside.find((one) => one.name === 'transport');
  const isTls = transport?.inside.some((one) => one.name.startsWith('tls')) === true;
  const scheme = upstream.scheme ?? (isTls ? 'https' : undefined);
  if (upstream.host !== undefined) {
    const port = upstream.port === undefined ? '' : `:${upstream.port}`;
    setService(labels, draft, `${scheme ?? 'http'}://${upstream.host}${port}`, directive.key);
  } else {
    if (scheme !== undefined) draft.set('protocol', scheme, directive.key);
    if (upstream.port !== undefined) draft.set('port', upstream.port, directive.key);
  }
  const insecure = transport?.inside.find((one) => one.name === 'tls_insecure_skip_verify');
  if (insecure !== undefined) draft.set('origin.noTLSVerify', 'true', insecure.key);
  const serverName = transport?.inside.find((one) => one.name === 'tls_server_name');
  if (serverName !== undefined) draft.set('origin.originServerName', serverName.args, serverName.key);
  const known = [transport, insecure, serverName];
  for (const one of [...directive.inside, ...(transport?.inside ?? [])]) {
    if (!known.includes(one) && one.name !== 'tls') labels.note(one.key, 'it has no counterpart here');
  }
}

/** Directives that change requests or answers, wherever in the site they stand. */
function noteLost(labels: ForeignLabels, block: Directive): void {
  for (const directive of block.inside) {
    if (changing.has(directive.name)) labels.note(directive.key, 'it has no counterpart here');
    if (blocks.has(directive.name)) noteLost(labels, directive);
  }
}

const changing: ReadonlySet<string> = new Set(['header', 'push', 'redir', 'request_body', 'rewrite', 'uri', 'vars']);

/** What may stand in a site without guarding it; anything else (a login, an import, a deny list) may. */
const open: ReadonlySet<string> = new Set([
  ...blocks,
  ...changing,
  'bind',
  'encode',
  'log',
  'log_skip',
  'reverse_proxy',
  'tls',
  'tracing',
]);

/** Directives that guard a site, or may, wherever in it they stand. */
function guardsOf(block: Directive): readonly Directive[] {
  return block.inside.flatMap((directive) => {
    if (directive.name === 'tls') return directive.inside.filter((one) => one.name === 'client_auth');
    if (blocks.has(directive.name)) return guardsOf(directive);
    if (directive.name.startsWith('@') || open.has(directive.name)) return [];
    return [directive];
  });
}
