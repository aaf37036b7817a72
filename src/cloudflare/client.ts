// The API as the rest of the program sees it: a few nouns, every answer checked. No decisions are made here.
import {
  type ApiAccessApplication,
  type ApplicationFields,
  createApplication,
  createTag,
  deleteApplication,
  listApplications,
  listTags,
  updateApplication,
} from './access-applications.ts';
import { type ApiLoginMethod, type ApiNamed, listGroups, listLoginMethods } from './access-directory.ts';
import {
  type ApiAccessPolicy,
  createPolicy,
  deletePolicy,
  listPolicies,
  type PolicyFields,
  updatePolicy,
} from './access-policies.ts';
import {
  type ApiServiceToken,
  createServiceToken,
  deleteServiceToken,
  type IssuedServiceToken,
  listServiceTokens,
  type NewServiceToken,
  refreshServiceToken,
  rotateServiceToken,
} from './access-service-tokens.ts';
import { type ApiSshCa, createSshCa, listSshCas } from './access-ssh-cas.ts';
import { type Account, getAccount, listAccounts } from './accounts.ts';
import { type Caller, createCaller } from './call.ts';
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
  /** With an account: as a token that belongs to it instead of a user. */
  verifyToken(signal: AbortSignal, account?: string): Promise<TokenStatus>;
  readonly accounts: {
    list(signal: AbortSignal): Promise<readonly Account[]>;
    get(id: string, signal: AbortSignal): Promise<Account>;
  };
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
  readonly access: AccessApi;
}

/** The Access part of an account. */
export interface AccessApi {
  readonly applications: AccessObjects<ApiAccessApplication, ApplicationFields>;
  readonly policies: AccessObjects<ApiAccessPolicy, PolicyFields>;
  readonly tags: {
    list(account: string, signal: AbortSignal): Promise<readonly string[]>;
    create(account: string, name: string, signal: AbortSignal): Promise<void>;
  };
  groups(account: string, signal: AbortSignal): Promise<readonly ApiNamed[]>;
  loginMethods(account: string, signal: AbortSignal): Promise<readonly ApiLoginMethod[]>;
  serviceTokens(account: string, signal: AbortSignal): Promise<readonly ApiServiceToken[]>;
  /** What changes service tokens; their secrets are in the answers of `create` and `rotate` and nowhere else. */
  readonly tokens: {
    create(account: string, token: NewServiceToken, signal: AbortSignal): Promise<IssuedServiceToken>;
    rotate(account: string, id: string, signal: AbortSignal): Promise<IssuedServiceToken>;
    /** Valid for its whole duration again, with the same secret. */
    refresh(account: string, id: string, signal: AbortSignal): Promise<ApiServiceToken>;
    delete(account: string, id: string, signal: AbortSignal): Promise<void>;
  };
  /** The authorities for short-lived SSH certificates, at most one per application. */
  readonly sshCas: {
    list(account: string, signal: AbortSignal): Promise<readonly ApiSshCa[]>;
    create(account: string, application: string, signal: AbortSignal): Promise<ApiSshCa>;
  };
}

/** Objects that are listed, made, replaced and deleted one by one. */
export interface AccessObjects<T, Fields> {
  list(account: string, signal: AbortSignal): Promise<readonly T[]>;
  create(account: string, fields: Fields, signal: AbortSignal): Promise<T>;
  update(target: { readonly account: string; readonly id: string }, fields: Fields, signal: AbortSignal): Promise<T>;
  delete(account: string, id: string, signal: AbortSignal): Promise<void>;
}

/** A client of Cloudflare's API, or of another with the same interface. Connects to nothing until the first call. */
export function createCloudflareApi(options: SdkOptions): CloudflareApi {
  const caller = createCaller(options);
  return {
    verifyToken: (signal, account) => verifyToken(caller, signal, account),
    accounts: {
      list: (signal) => listAccounts(caller, signal),
      get: (id, signal) => getAccount(caller, id, signal),
    },
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
    access: accessApi(caller),
  };
}

function accessApi(caller: Caller): AccessApi {
  return {
    applications: {
      list: (account, signal) => listApplications(caller, account, signal),
      create: (account, fields, signal) => createApplication(caller, account, fields, signal),
      update: (target, fields, signal) => updateApplication(caller, target, fields, signal),
      delete: (account, id, signal) => deleteApplication(caller, account, id, signal),
    },
    policies: {
      list: (account, signal) => listPolicies(caller, account, signal),
      create: (account, fields, signal) => createPolicy(caller, account, fields, signal),
      update: (target, fields, signal) => updatePolicy(caller, target, fields, signal),
      delete: (account, id, signal) => deletePolicy(caller, account, id, signal),
    },
    tags: {
      list: (account, signal) => listTags(caller, account, signal),
      create: (account, name, signal) => createTag(caller, account, name, signal),
    },
    groups: (account, signal) => listGroups(caller, account, signal),
    loginMethods: (account, signal) => listLoginMethods(caller, account, signal),
    serviceTokens: (account, signal) => listServiceTokens(caller, account, signal),
    tokens: {
      create: (account, token, signal) => createServiceToken(caller, account, token, signal),
      rotate: (account, id, signal) => rotateServiceToken(caller, account, id, signal),
      refresh: (account, id, signal) => refreshServiceToken(caller, account, id, signal),
      delete: (account, id, signal) => deleteServiceToken(caller, account, id, signal),
    },
    sshCas: {
      list: (account, signal) => listSshCas(caller, account, signal),
      create: (account, application, signal) => createSshCa(caller, account, application, signal),
    },
  };
}
