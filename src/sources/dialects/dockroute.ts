// Dockroute: `dockroute.enabled`, `dockroute.hostname` (several between commas) and `dockroute.tunnel.service`. Pure.
import type { Dialect } from './dialect.ts';
import { setService } from './service-target.ts';
import { listOf } from './words.ts';

/** Dockroute's labels. */
export const dockroute: Dialect = {
  name: 'dockroute',
  owns: (key) => key.startsWith('dockroute.'),
  read(labels) {
    // Dockroute itself takes nothing but `true`.
    if (!labels.isSwitchedOn('dockroute.enabled', (text) => text === 'true')) return;
    const key = 'dockroute.hostname';
    const hostnames = listOf(labels.get(key) ?? '');
    const service = labels.get('dockroute.tunnel.service');
    if (hostnames.length === 0) labels.note('dockroute.enabled', 'there is no dockroute.hostname');
    else if (service === undefined)
      labels.note(
        key,
        'without dockroute.tunnel.service it is a record and no tunnel route, and records follow routes here',
      );
    if (service === undefined) return;
    for (const hostname of hostnames) {
      const draft = labels.entry(hostname.split('.')[0] ?? '', key);
      draft.set('hostname', hostname, key);
      setService(labels, draft, service, 'dockroute.tunnel.service');
    }
    // What only describes a record: those are made for the hostnames here.
    labels.pass((one) => ['dockroute.type', 'dockroute.target', 'dockroute.ttl'].includes(one));
    if (labels.get('dockroute.cloudflare.proxied') === 'false')
      labels.note('dockroute.cloudflare.proxied', 'a tunnel is reached through the edge only');
  },
};
