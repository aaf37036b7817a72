// labelgate: `labelgate.tunnel.<service>.…`, one entry per service, with Access policies of their own. Pure.
import { originKeys } from '../origin-options.ts';
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { setService } from './service-target.ts';

/** labelgate's labels. */
export const labelgate: Dialect = {
  name: 'labelgate',
  owns: (key) => key.startsWith('labelgate.'),
  read(labels) {
    const services = new Set(labels.keys.flatMap((key) => /^labelgate\.tunnel\.([^.]+)\./.exec(key)?.[1] ?? []));
    for (const service of services) readService(labels, service);
    for (const key of labels.keys) {
      if (key.startsWith('labelgate.dns.')) labels.note(key, 'records follow the hostnames here');
      if (key.startsWith('labelgate.access.'))
        labels.note(key, 'policies are kept in the settings here (access.policies)');
    }
  },
};

/** Words that say which of labelgate's tunnels and tokens are used, and what becomes of the entry later. */
const idle = ['tunnel', 'credential', 'cleanup'];

function readService(labels: ForeignLabels, service: string): void {
  const prefix = `labelgate.tunnel.${service}.`;
  const find = (word: string) => ({ key: prefix + word, value: labels.get(prefix + word) });
  const hostname = find('hostname');
  labels.pass((key) => idle.some((word) => key === prefix + word));
  if (hostname.value === undefined) return;
  const draft = labels.entry(service, hostname.key);
  draft.set('hostname', hostname.value, hostname.key);
  const target = find('service');
  if (target.value !== undefined) setService(labels, draft, target.value, target.key);
  const path = find('path');
  if (path.value !== undefined && path.value !== '') draft.set('path', path.value, path.key);
  readOrigin(labels, draft, prefix);
  const access = find('access');
  if (access.value !== undefined && access.value !== '') readAccess(labels, draft, access.value, access.key);
}

/** labelgate writes `no_tls_verify`, cloudflared `noTLSVerify`. */
const byPlainName: ReadonlyMap<string, string> = new Map(originKeys.map((key) => [key.toLowerCase(), key]));

function readOrigin(labels: ForeignLabels, draft: EntryDraft, prefix: string): void {
  for (const key of labels.keys) {
    if (!key.startsWith(`${prefix}origin.`)) continue;
    const known = byPlainName.get(
      key
        .slice(prefix.length + 'origin.'.length)
        .replaceAll('_', '')
        .toLowerCase(),
    );
    if (known !== undefined) draft.set(`origin.${known}`, labels.get(key) ?? '', key);
  }
}

/** A policy that lets everyone through opens the entry; any other one guards it. */
function readAccess(labels: ForeignLabels, draft: EntryDraft, name: string, from: string): void {
  const decision = labels.get(`labelgate.access.${name}.policy.decision`);
  if (decision?.toLowerCase() === 'bypass') draft.open(from);
  else draft.guard(from, `labelgate's access policy ${quote(name)} guards it`);
}
