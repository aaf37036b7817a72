// Pangolin's blueprints: `pangolin.public-resources.<key>.…`, formerly `proxy-resources`. Pure.
import { parseBoolean } from '../origin-options.ts';
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { exactPath, pathPrefix } from './path-text.ts';
import { isOwnName, setService } from './service-target.ts';

const resourceKey = /^pangolin\.((?:public|proxy)-resources)\.([^.]+)\./;

/** Pangolin's labels. */
export const pangolin: Dialect = {
  name: 'pangolin',
  owns: (key) => key.startsWith('pangolin.'),
  read(labels) {
    const prefixes = new Set(labels.keys.flatMap((key) => resourceKey.exec(key)?.[0] ?? []));
    for (const prefix of prefixes) readResource(labels, prefix);
    for (const key of labels.keys) {
      if (/^pangolin\.(?:private|client)-resources\./.test(key))
        labels.note(key, 'it is for its clients only, so it stays unpublished');
    }
  },
};

interface Found {
  readonly key: string;
  readonly value: string | undefined;
}

function readResource(labels: ForeignLabels, prefix: string): void {
  const find = (word: string): Found => ({ key: prefix + word, value: labels.get(prefix + word) });
  const name = resourceKey.exec(prefix)?.[2] ?? '';
  const mode = labels.first(`${prefix}mode`, `${prefix}protocol`)?.value.toLowerCase() ?? 'http';
  const enabled = find('enabled').value;
  const domain = find('full-domain');
  labels.pass((key) => ['name', 'ssl'].some((word) => key === prefix + word));
  if (enabled !== undefined && parseBoolean(enabled) === false) {
    labels.pass((key) => key.startsWith(prefix));
    return;
  }
  const from = domain.value === undefined ? (labels.keys.find((key) => key.startsWith(prefix)) ?? prefix) : domain.key;
  if (mode !== 'http') {
    labels.note(
      from,
      `${quote(mode)} is reached by its port there and has no hostname; nothing is published through it`,
    );
    labels.pass((key) => key.startsWith(prefix));
    return;
  }
  const drafts = targetsOf(labels, prefix).map((target) => readTarget(labels, target, name, domain, from));
  for (const draft of drafts) readOptions(labels, draft, prefix);
}

/** The targets in use, each by its prefix; one when none is written. */
function targetsOf(labels: ForeignLabels, prefix: string): readonly string[] {
  const numbers = new Set<string>();
  for (const key of labels.keys) {
    const number = key.startsWith(prefix) ? /^targets\[(\d{1,4})\]\./.exec(key.slice(prefix.length))?.[1] : undefined;
    if (number !== undefined) numbers.add(number);
  }
  const targets = [...numbers]
    .toSorted((a, b) => Number(a) - Number(b))
    .map((number) => `${prefix}targets[${number}].`);
  const used = targets.filter((target) => parseBoolean(labels.get(`${target}enabled`) ?? 'true') !== false);
  for (const target of targets) if (!used.includes(target)) labels.pass((key) => key.startsWith(target));
  return targets.length === 0 ? [`${prefix}targets[0].`] : firstPerPath(labels, used);
}

/** Targets of one path share the load there; here the first one takes it. */
function firstPerPath(labels: ForeignLabels, targets: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return targets.filter((target) => {
    const path = `${labels.peek(`${target}path`)} ${labels.peek(`${target}path-match`)}`;
    if (!seen.has(path)) {
      seen.add(path);
      return true;
    }
    labels.note(labels.keys.find((key) => key.startsWith(target)) ?? target, 'one path leads to one target here');
    labels.pass((key) => key.startsWith(target));
    return false;
  });
}

function readTarget(labels: ForeignLabels, target: string, name: string, domain: Found, from: string): EntryDraft {
  const find = (word: string): Found => ({ key: target + word, value: labels.get(target + word) });
  const draft = labels.entry(name, from);
  if (domain.value !== undefined) draft.set('hostname', domain.value, domain.key);
  const [method, host, port] = [find('method'), find('hostname'), find('port')];
  const scheme = method.value?.toLowerCase() ?? 'http';
  if (host.value !== undefined && !isOwnName(labels, host.value)) {
    const text = host.value.includes(':') ? `[${host.value}]` : host.value;
    setService(labels, draft, `${scheme}://${text}${port.value === undefined ? '' : `:${port.value}`}`, host.key);
  } else {
    if (port.value !== undefined) draft.set('port', port.value, port.key);
    if (scheme === 'h2c') labels.note(method.key, 'origins are spoken to in HTTP/1.1 without TLS');
    else if (method.value !== undefined) draft.set('protocol', scheme, method.key);
  }
  readPath(draft, find('path'), find('path-match'));
  labels.pass((key) => ['site', 'priority'].some((word) => key === target + word));
  return draft;
}

function readPath(draft: EntryDraft, path: Found, match: Found): void {
  if (path.value === undefined || path.value === '') return;
  const kind = match.value?.toLowerCase() ?? 'prefix';
  const pattern = kind === 'regex' ? path.value : kind === 'exact' ? exactPath(path.value) : pathPrefix(path.value);
  if (!['regex', 'exact', 'prefix'].includes(kind)) draft.drop(match.key, `${quote(kind)} is no way to match a path`);
  else if (pattern !== undefined) draft.set('path', pattern, path.key);
}

/** Headers for the origin, and everything that keeps visitors out. */
function readOptions(labels: ForeignLabels, draft: EntryDraft, prefix: string): void {
  const host = labels.get(`${prefix}host-header`);
  const server = labels.get(`${prefix}tls-server-name`);
  if (host !== undefined) draft.set('origin.httpHostHeader', host, `${prefix}host-header`);
  if (server !== undefined) draft.set('origin.originServerName', server, `${prefix}tls-server-name`);
  for (const key of labels.keys) {
    if (!key.startsWith(prefix)) continue;
    const word = /^(auth|rules|policy)\b/.exec(key.slice(prefix.length))?.[1];
    if (word === undefined) continue;
    const isOff = key.endsWith('.sso-enabled') && parseBoolean(labels.peek(key)) === false;
    if (isOff) labels.get(key);
    else draft.guard(key, `Pangolin's ${word} guards it`);
  }
}
