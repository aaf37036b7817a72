// Entries, passes and remote objects that the export tests are made of.
import type { RemoteWorld } from '../../src/export/terraform-world.ts';
import { compileIngress } from '../../src/ingress/compile.ts';
import type { IngressEntry, Plan, Service, Snapshot } from '../../src/model.ts';

/** The tunnel everything leads to. */
export const tunnelId = '6ff42ae2-765d-4adf-8112-31c55c1551ef';

/** An entry of `docker/home/<first label>`. */
export function entryOf(
  hostname: string,
  rule: Partial<IngressEntry['rule']> = {},
  access: IngressEntry['access'] = 'public',
): IngressEntry {
  const name = hostname.split('.')[0] ?? 'app';
  return {
    serviceId: `docker/home/${name}`,
    plugin: 'generic',
    rule: { hostname, service: 'http://10.0.0.2:80', ...rule },
    access,
    explicit: true,
  };
}

/** A pass that wants these entries in the zone `example.com`. */
export function passOf(
  entries: readonly IngressEntry[],
  plans: readonly Plan<unknown>[] = [],
  more: Partial<Snapshot> = {},
): Pick<Snapshot, 'services' | 'desired' | 'plans' | 'diagnostics' | 'failed'> {
  const { desired, diagnostics } = compileIngress(entries, {
    zones: ['example.com'],
    tunnelTarget: `${tunnelId}.cfargotunnel.com`,
    owner: 'home',
    previous: [],
  });
  const services = [...new Set(entries.map(({ serviceId }) => serviceId))].map(
    (id): Service => ({
      id,
      name: id.split('/').at(-1) ?? '',
      source: 'docker',
      ports: [],
      hints: {},
      state: 'running',
    }),
  );
  return { services, desired, plans, diagnostics, failed: [], ...more };
}

/** An account with nothing but the tunnel and the zone. */
export function remoteOf(fields: Partial<RemoteWorld> = {}): RemoteWorld {
  return {
    account: 'a'.repeat(32),
    owner: 'home',
    tunnel: { id: tunnelId, name: 'sallyport' },
    configuration: undefined,
    zones: [{ id: 'f'.repeat(32), name: 'example.com', records: [] }],
    applications: [],
    policies: [],
    sshCas: [],
    ...fields,
  };
}
