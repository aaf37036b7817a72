// DockFlare: `dockflare.…` and the older `cloudflare.tunnel.…`, with numbered entries that fall back on the unnumbered labels. Pure.
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { setService } from './service-target.ts';
import { isOthersTunnel } from './tunnel-prefix.ts';

/** DockFlare's labels under both prefixes; the newer one wins. */
export const dockflare: Dialect = {
  name: 'dockflare',
  owns: (key) => /^(?:dockflare|cloudflare\.(?:tunnel|access))\./i.test(key),
  read(labels) {
    const prefixes = prefixesOf(labels);
    labels.pass((key) => !prefixes.some((prefix) => key.startsWith(prefix)));
    const enable = labels.first(...prefixes.map((prefix) => `${prefix}enable`));
    if (!labels.isSwitchedOn(enable?.key ?? 'dockflare.enable', isYes)) return;
    const numbers = numbersOf(labels, prefixes);
    if (has(labels, prefixes, 'hostname')) readEntry(labels, prefixes, undefined);
    for (const number of numbers) readEntry(labels, prefixes, number);
    labels.pass((key) =>
      prefixes.some((prefix) => key === `${prefix}zonename` || /^\d+\.zonename$/.test(key.slice(prefix.length))),
    );
  },
};

/** The older prefix is another tool's too; where the labels are plainly that tool's, they are not read. */
function prefixesOf(labels: ForeignLabels): readonly string[] {
  const isOthers = isOthersTunnel(labels.keys, 'dockflare');
  return isOthers ? ['dockflare.'] : ['dockflare.', 'cloudflare.tunnel.'];
}

function isYes(text: string): boolean {
  return ['true', '1', 't', 'yes'].includes(text.toLowerCase());
}

/** The numbers of numbered entries, in order; a gap ends nothing. */
function numbersOf(labels: ForeignLabels, prefixes: readonly string[]): readonly number[] {
  const numbers = new Set<number>();
  for (const key of labels.keys) {
    const prefix = prefixes.find((one) => key.startsWith(one));
    const number = prefix === undefined ? undefined : /^(\d{1,4})\.hostname$/.exec(key.slice(prefix.length))?.[1];
    if (number !== undefined) numbers.add(Number(number));
  }
  return [...numbers].toSorted((a, b) => a - b);
}

function has(labels: ForeignLabels, prefixes: readonly string[], word: string): boolean {
  return prefixes.some((prefix) => labels.keys.includes(prefix + word));
}

interface Found {
  readonly key: string;
  readonly value: string;
}

/** A word of an entry: its own, else the unnumbered one. */
type Find = (word: string) => Found | undefined;

function readEntry(labels: ForeignLabels, prefixes: readonly string[], number: number | undefined): void {
  const find: Find = (word) => {
    const own =
      number === undefined ? undefined : labels.first(...prefixes.map((prefix) => `${prefix}${number}.${word}`));
    const base = labels.first(...prefixes.map((prefix) => prefix + word));
    return own ?? base;
  };
  const hostname = find('hostname');
  const service = find('service');
  if (hostname === undefined) return;
  const draft = labels.entry(number === undefined ? 'web' : `entry-${number}`, hostname.key);
  draft.set('hostname', hostname.value, hostname.key);
  if (service === undefined) labels.note(hostname.key, 'without a service label the port is found by itself');
  else setService(labels, draft, service.value, service.key);
  readPath(draft, find('path'));
  readOrigin(draft, find);
  readAccess(labels, draft, find);
}

/** DockFlare adds the slash in front and takes the one at the end off; the rest is cloudflared's expression. */
function readPath(draft: EntryDraft, path: Found | undefined): void {
  if (path === undefined || path.value === '' || path.value === '/') return;
  const trimmed = path.value.replace(/\/+$/, '');
  draft.set('path', /^[/^]/.test(trimmed) ? trimmed : `/${trimmed}`, path.key);
}

const originWords: readonly (readonly [string, string])[] = [
  ['no_tls_verify', 'origin.noTLSVerify'],
  ['originsrvname', 'origin.originServerName'],
  ['httpHostHeader', 'origin.httpHostHeader'],
  ['http2_origin', 'origin.http2Origin'],
  ['disable_chunked_encoding', 'origin.disableChunkedEncoding'],
  ['match_sni_to_host', 'origin.matchSNItoHost'],
];
const switches: ReadonlySet<string> = new Set([
  'no_tls_verify',
  'http2_origin',
  'disable_chunked_encoding',
  'match_sni_to_host',
]);

function readOrigin(draft: EntryDraft, find: Find): void {
  for (const [word, label] of originWords) {
    const found = find(word);
    if (found === undefined || found.value === '') continue;
    draft.set(label, switches.has(word) ? String(isYes(found.value)) : found.value, found.key);
  }
}

const accessWords = [
  'access.name',
  'access.session_duration',
  'access.app_launcher_visible',
  'access.allowed_idps',
  'access.auto_redirect_to_identity',
  'access.custom_rules',
] as const;

/** Without a policy DockFlare opens an entry; here the default policy then counts, as it does for our own labels. */
function readAccess(labels: ForeignLabels, draft: EntryDraft, find: Find): void {
  const group = find('access.group') ?? find('access.groups');
  find('access.groups');
  const policy = find('access.policy');
  const decides = group ?? policy;
  for (const word of accessWords) {
    const found = find(word);
    if (found !== undefined) labels.note(found.key, 'policies are kept in the settings here (access.policies)');
    if (found !== undefined && word === 'access.custom_rules')
      draft.guard(found.key, "DockFlare's access rules guard it");
  }
  if (decides === undefined) return;
  if (decides.value.toLowerCase() === 'bypass') draft.open(decides.key);
  else draft.guard(decides.key, `DockFlare's access policy ${quote(decides.value)} guards it`);
}
