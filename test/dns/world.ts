// A zone behind the real API, instances of ours that share it, and people who change it by hand.
import type { TestContext } from 'node:test';
import { createDnsReconciler, type DnsReconciler } from '../../src/dns/reconciler.ts';
import type { MarkForm } from '../../src/dns/zone-names.ts';
import type { StoredRecord } from '../../src/edge/store/records.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, Diagnostic, ServiceId } from '../../src/model.ts';
import { type ApiWorld, createApiWorld, never } from '../cloudflare/api-world.ts';
import { contractZone, desiredFor, entryFor } from '../contract/reconciler.ts';

/** What our records point at. */
export const tunnelTarget = 'tunnel.cfargotunnel.com';

/** The names a person decided about. */
export interface Decided {
  adopted: readonly string[];
  released: readonly string[];
}

/** One instance: it starts without memory, like a program. */
export interface Instance {
  readonly dns: DnsReconciler;
  readonly choices: Decided;
  /** Plans and applies as a pass does; resolves to the services that failed. */
  settle(...names: readonly string[]): Promise<readonly ServiceId[]>;
  findings(): readonly Diagnostic[];
}

/** What an instance is started with. */
export interface InstanceOptions {
  readonly owner?: string;
  readonly ownership?: MarkForm;
  readonly choices?: Decided;
}

/** The zone and its API. */
export interface DnsWorld extends ApiWorld {
  start(options?: InstanceOptions): Instance;
  records(): readonly StoredRecord[];
  record(name: string, type?: string): StoredRecord | undefined;
  /** A record somebody makes by hand; `@` is the apex. */
  make(type: string, name: string, content: string, fields?: Partial<StoredRecord>): StoredRecord;
  edit(record: StoredRecord | undefined, fields: Partial<StoredRecord>): StoredRecord;
  remove(record: StoredRecord | undefined): void;
}

/** An empty zone `example.com`. */
export async function createDnsWorld(t: TestContext): Promise<DnsWorld> {
  const world = await createApiWorld(t);
  const zone = world.store.ensureZone(contractZone);
  const records = () => world.store.records.list(zone.id);
  return Object.assign(world, {
    records,
    record: (name: string, type = 'CNAME') =>
      records().find((record) => record.name === fullName(name) && record.type === type),
    make: (type: string, name: string, content: string, fields: Partial<StoredRecord> = {}) =>
      world.store.records.create(zone, { ...fields, type, name: fullName(name), content } as never),
    edit: (record: StoredRecord | undefined, fields: Partial<StoredRecord>) =>
      world.store.records.patch(zone, record?.id ?? '', fields as never),
    remove: (record: StoredRecord | undefined) => void world.store.records.delete(zone, record?.id ?? ''),
    start: (options: InstanceOptions = {}) => startInstance(world, options),
  });
}

function startInstance(world: ApiWorld, options: InstanceOptions): Instance {
  const { owner = 'home', ownership = 'comment', choices = { adopted: [], released: [] } } = options;
  const dns = createDnsReconciler({
    api: world.api,
    zones: [contractZone],
    owner,
    ownership,
    tunnelTarget,
    choices: () => choices,
    logger: createSilentLogger(),
  });
  return {
    dns,
    choices,
    settle: (...names) => settle(dns, wanted(names, owner)),
    findings: () => dns.diagnostics?.() ?? [],
  };
}

/** The desired state for services of these names, which are hostnames in the zone. */
export function wanted(names: readonly string[], owner = 'home'): DesiredState {
  const entries = names.map((name) => {
    const entry = entryFor(name.replace('*', 'wildcard').replace('@', 'apex'));
    return { ...entry, rule: { ...entry.rule, hostname: fullName(name) } };
  });
  return desiredFor(entries, owner, tunnelTarget);
}

/** One plan, applied in the order of a pass. */
export async function settle(dns: DnsReconciler, desired: DesiredState): Promise<readonly ServiceId[]> {
  const plan = await dns.plan(desired, never());
  const failed = await dns.apply(plan, 'delete', never());
  return [...failed, ...(await dns.apply(plan, 'upsert', never()))];
}

/** The name in the zone; one that is in it already as it is. */
export function fullName(name: string): string {
  return name === '@' ? contractZone : name.endsWith(`.${contractZone}`) ? name : `${name}.${contractZone}`;
}

/** A registry record's text as external-dns writes it. */
export function externalDns(owner: string, resource = 'ingress/default/web'): string {
  return `"heritage=external-dns,external-dns/owner=${owner},external-dns/resource=${resource}"`;
}

/** A registry record's text as an instance of ours writes it. */
export function ourText(owner: string, name: string): string {
  return externalDns(owner, `sallyport/docker/${name}`);
}
