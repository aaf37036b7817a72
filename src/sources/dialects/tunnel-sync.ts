// docker-cloudflare-tunnel-sync: `cloudflare.tunnel.<word>[.<suffix>]` and `cloudflare.access.…`. Pure.
import { parseBoolean } from '../origin-options.ts';
import type { Dialect } from './dialect.ts';
import type { ForeignLabels } from './foreign-labels.ts';
import { setService } from './service-target.ts';
import { isOthersTunnel } from './tunnel-prefix.ts';

const prefix = 'cloudflare.tunnel.';

/** The labels of docker-cloudflare-tunnel-sync. */
export const tunnelSync: Dialect = {
  name: 'docker-cloudflare-tunnel-sync',
  owns: (key) => key.startsWith(prefix) || key.startsWith('cloudflare.access.'),
  read(labels) {
    if (isOthersTunnel(labels.keys, 'docker-cloudflare-tunnel-sync')) {
      labels.pass(() => true);
      return;
    }
    if (!labels.isSwitchedOn(`${prefix}enable`, (text) => parseBoolean(text) === true)) return;
    const guard = accessGuard(labels);
    for (const suffix of suffixesOf(labels)) readEntry(labels, suffix, guard);
    labels.pass((key) => /^cloudflare\.tunnel\.dns\.zone(?:\.|$)/.test(key));
  },
};

/** The unsuffixed entry first; a suffix begins with its hostname. */
function suffixesOf(labels: ForeignLabels): readonly string[] {
  const suffixes = labels.keys.flatMap((key) => /^cloudflare\.tunnel\.hostname(\..+)?$/.exec(key)?.[1] ?? []);
  return labels.keys.includes(`${prefix}hostname`) ? ['', ...suffixes] : suffixes;
}

function readEntry(labels: ForeignLabels, suffix: string, guard: string | undefined): void {
  const find = (word: string) => {
    const key = `${prefix}${word}${suffix}`;
    const value = labels.get(key);
    return value === undefined || value === '' ? undefined : { key, value };
  };
  const hostname = find('hostname');
  if (hostname === undefined) return;
  const draft = labels.entry(suffix === '' ? 'web' : suffix.slice(1), hostname.key);
  draft.set('hostname', hostname.value, hostname.key);
  const [service, path, name, noVerify] = ['service', 'path', 'origin.server-name', 'origin.no-tls-verify'].map(find);
  if (service !== undefined) setService(labels, draft, service.value, service.key);
  if (path !== undefined) draft.set('path', path.value, path.key);
  if (name !== undefined) draft.set('origin.originServerName', name.value, name.key);
  if (noVerify !== undefined) draft.set('origin.noTLSVerify', noVerify.value, noVerify.key);
  if (guard !== undefined) draft.guard(guard, 'a Cloudflare Access application of these labels guards it');
}

/** The label that stands for the whole Access application, unless it is switched off. */
function accessGuard(labels: ForeignLabels): string | undefined {
  const keys = labels.keys.filter((key) => key.startsWith('cloudflare.access.'));
  const enable = labels.get('cloudflare.access.enable');
  if (keys.length === 0 || (enable !== undefined && parseBoolean(enable) === false)) {
    labels.pass((key) => keys.includes(key));
    return undefined;
  }
  for (const key of keys) {
    if (key !== 'cloudflare.access.enable')
      labels.note(key, 'policies are kept in the settings here (access.policies)');
  }
  return enable === undefined ? keys[0] : 'cloudflare.access.enable';
}
