// The API as the rest of the program sees it: a few nouns, every answer checked. No decisions are made here.
import { type Account, listAccounts } from './accounts.ts';
import { createCaller } from './call.ts';
import {
  getConfiguration,
  putConfiguration,
  type TunnelConfiguration,
  type VersionedConfiguration,
} from './configurations.ts';
import { type ApiRecord, batchRecords, listRecords, type RecordBatch } from './dns.ts';
import type { SdkOptions } from './sdk.ts';
import { type TokenStatus, verifyToken } from './tokens.ts';
import {
  type ApiConnector,
  type ApiTunnel,
  createTunnel,
  deleteTunnel,
  getTunnel,
  getTunnelToken,
  isLive,
  listTunnelConnections,
  listTunnels,
  type NewTunnel,
} from './tunnels.ts';
import { listZones, type Zone } from './zones.ts';

/** The API's nouns. Every method rejects with an ApiError, or with the signal's reason when it aborts. */
export interface CloudflareApi {
  verifyToken(signal: AbortSignal): Promise<TokenStatus>;
  readonly accounts: { list(signal: AbortSignal): Promise<readonly Account[]> };
  readonly zones: {
    list(signal: AbortSignal): Promise<readonly Zone[]>;
    byName(name: string, signal: AbortSignal): Promise<Zone | undefined>;
  };
  readonly dns: {
    list(zoneId: string, signal: AbortSignal): Promise<readonly ApiRecord[]>;
    batch(zoneId: string, batch: RecordBatch, signal: AbortSignal): Promise<void>;
  };
  readonly tunnels: {
    list(account: string, signal: AbortSignal): Promise<readonly ApiTunnel[]>;
    byName(account: string, name: string, signal: AbortSignal): Promise<ApiTunnel | undefined>;
    create(account: string, tunnel: NewTunnel, signal: AbortSignal): Promise<ApiTunnel>;
    get(account: string, id: string, signal: AbortSignal): Promise<ApiTunnel>;
    delete(account: string, id: string, signal: AbortSignal): Promise<void>;
    token(account: string, id: string, signal: AbortSignal): Promise<string>;
    connections(account: string, id: string, signal: AbortSignal): Promise<readonly ApiConnector[]>;
  };
  readonly configurations: {
    get(account: string, tunnelId: string, signal: AbortSignal): Promise<VersionedConfiguration>;
    put(
      target: { readonly account: string; readonly tunnelId: string },
      config: TunnelConfiguration,
      signal: AbortSignal,
    ): Promise<VersionedConfiguration>;
  };
}

/** A client of Cloudflare's API, or of another with the same interface. Connects to nothing until the first call. */
export function createCloudflareApi(options: SdkOptions): CloudflareApi {
  const caller = createCaller(options);
  return {
    verifyToken: (signal) => verifyToken(caller, signal),
    accounts: { list: (signal) => listAccounts(caller, signal) },
    zones: {
      list: (signal) => listZones(caller, signal),
      byName: async (name, signal) => (await listZones(caller, signal, name)).find((zone) => zone.name === name),
    },
    dns: {
      list: (zoneId, signal) => listRecords(caller, zoneId, signal),
      batch: (zoneId, batch, signal) => batchRecords(caller, zoneId, batch, signal),
    },
    tunnels: {
      list: (account, signal) => listTunnels(caller, account, signal),
      byName: async (account, name, signal) =>
        (await listTunnels(caller, account, signal, name)).find((tunnel) => tunnel.name === name && isLive(tunnel)),
      create: (account, tunnel, signal) => createTunnel(caller, account, tunnel, signal),
      get: (account, id, signal) => getTunnel(caller, account, id, signal),
      delete: (account, id, signal) => deleteTunnel(caller, account, id, signal),
      token: (account, id, signal) => getTunnelToken(caller, account, id, signal),
      connections: (account, id, signal) => listTunnelConnections(caller, account, id, signal),
    },
    configurations: {
      get: (account, tunnelId, signal) => getConfiguration(caller, account, tunnelId, signal),
      put: (target, config, signal) => putConfiguration(caller, target, config, signal),
    },
  };
}
