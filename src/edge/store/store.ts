// The embedded edge's memory: account, zones, records, tunnels and configurations, durable in one SQLite file.
import { type Clock, systemClock } from '../../clock.ts';
import type { EdgeChange, EdgeDirectory } from '../model.ts';
import { createSealer } from '../seal.ts';
import { type AccessStore, createAccessStore } from './access/access.ts';
import { type ConfigurationStore, createConfigurationStore } from './configurations.ts';
import { openDatabase, type StoreDatabase } from './database.ts';
import { createStoreIndex } from './lookup.ts';
import { createQuickTunnelStore, type QuickTunnelStore } from './quick-tunnels.ts';
import { defaultLimits, type RecordLimits } from './record-rules.ts';
import { createRecordStore, type RecordStore } from './records.ts';
import { createTunnelStore, type TunnelStore } from './tunnels.ts';
import { type Account, createZoneStore, openAccount, type Zone, type ZoneStore } from './zones.ts';

/** Everything the edge remembers. Reads and writes are synchronous; a write that returned is on disk. */
export interface EdgeStore extends EdgeDirectory {
  /** The one account; its id is made with the file and never changes. */
  readonly account: Account;
  readonly zones: ZoneStore;
  readonly records: RecordStore;
  readonly tunnels: TunnelStore;
  readonly configurations: ConfigurationStore;
  readonly access: AccessStore;
  readonly quickTunnels: QuickTunnelStore;
  /** The zone of that name, made when it is missing; RefusedError when the name is no domain. */
  ensureZone(name: string): Zone;
  /** Remembers that a tunnel gained its first or lost its last connection (status and times in the API). */
  connectionsChanged(tunnelId: string, isConnected: boolean): void;
  close(): void;
}

/** What may differ from the defaults. */
export interface EdgeStoreOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<RecordLimits>;
  /** False: a new account has no Zero Trust organisation yet. */
  readonly isAccessEnabled?: boolean;
  /** Seals the secrets in the file that have to be read again; without it they end with the process. A secret. */
  readonly sealKey?: string;
}

/** Opens the store at `path`, or a new one in memory for `:memory:`; AppError E_STATE when the file cannot be used. */
export function openEdgeStore(path: string, options: EdgeStoreOptions = {}): EdgeStore {
  const clock = options.clock ?? systemClock;
  const database = openDatabase(path);
  try {
    return createStore(database, clock, options);
  } catch (error) {
    database.close();
    throw error;
  }
}

function createStore(database: StoreDatabase, clock: Clock, options: EdgeStoreOptions): EdgeStore {
  const account = openAccount(database, clock);
  const zones = createZoneStore(database, clock);
  const tunnels = createTunnelStore(database, clock);
  const records = createRecordStore(database, clock, { ...defaultLimits, ...options.limits });
  const configurations = createConfigurationStore(database, clock);
  const isEnabled = options.isAccessEnabled ?? true;
  const index = createStoreIndex(database, account.id);
  const listeners = new Set<(change: EdgeChange) => void>();

  database.onCommit = (touched) => {
    index.refresh(touched);
    for (const change of touched.changes) for (const listener of [...listeners]) listener(change);
  };

  return {
    account,
    zones,
    records,
    tunnels,
    configurations,
    access: createAccessStore({ database, clock, zones, account, isEnabled, sealer: createSealer(options.sealKey) }),
    quickTunnels: createQuickTunnelStore({ database, tunnels, records }),
    ensureZone: (name) => database.transact(() => zones.named(name) ?? zones.create(name)),
    tunnel: index.tunnel,
    route: index.route,
    configuration: index.configuration,
    reportLocalConfiguration: configurations.report,
    connectionsChanged: tunnels.observe,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      listeners.clear();
      database.close();
    },
  };
}
