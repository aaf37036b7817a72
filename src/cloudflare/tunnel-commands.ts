// The API calls of the `tunnel` commands, which ask for more of a tunnel than a pass does: filters, connections, cascades and DNS routes.
import { type Schema, schemaOf } from '../validate.ts';
import { type Account, listAccounts } from './accounts.ts';
import { createCaller } from './call.ts';
import type { SdkOptions } from './sdk.ts';
import { verifyToken } from './tokens.ts';
import { type ApiTunnel, createTunnel, getTunnel, getTunnelToken, type NewTunnel } from './tunnels.ts';
import { listZones, type Zone } from './zones.ts';

/** One connection of a tunnel to a data centre. */
export interface ListedConnection {
  readonly id?: string;
  readonly colo_name?: string;
  readonly is_pending_reconnect?: boolean;
  readonly origin_ip?: string;
  readonly opened_at?: string;
}

/** A tunnel with its connections. */
export interface ListedTunnel extends ApiTunnel {
  readonly connections?: readonly ListedConnection[] | null;
}

/** A connector with its connections. */
export interface ListedConnector {
  readonly id: string;
  readonly features?: readonly string[] | null;
  readonly version?: string;
  readonly arch?: string;
  readonly run_at?: string;
  readonly conns?: readonly ListedConnection[] | null;
}

/** Which tunnels to list; nothing: all that ever were. */
export interface TunnelFilter {
  readonly name?: string;
  readonly include_prefix?: string;
  readonly exclude_prefix?: string;
  readonly existed_at?: string;
  readonly uuid?: string;
  readonly is_deleted?: boolean;
}

/** What became of a name that was pointed at a tunnel. */
export interface DnsRoute {
  readonly cname: 'new' | 'updated' | 'unchanged';
  readonly name: string;
}

/** Every method rejects with an ApiError, or with the signal's reason. */
export interface TunnelCommandsApi {
  verifyToken(signal: AbortSignal): Promise<unknown>;
  accounts(signal: AbortSignal): Promise<readonly Account[]>;
  zones(signal: AbortSignal): Promise<readonly Zone[]>;
  list(account: string, filter: TunnelFilter, signal: AbortSignal): Promise<readonly ListedTunnel[]>;
  create(account: string, tunnel: NewTunnel, signal: AbortSignal): Promise<ListedTunnel>;
  get(account: string, id: string, signal: AbortSignal): Promise<ListedTunnel>;
  token(account: string, id: string, signal: AbortSignal): Promise<string>;
  connectors(account: string, id: string, signal: AbortSignal): Promise<readonly ListedConnector[]>;
  /** Ends the tunnel's connections, or one connector's. */
  disconnect(
    account: string,
    tunnel: { readonly id: string; readonly connector?: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** `cascade`: with its connections; without, a connected tunnel is refused. */
  delete(
    account: string,
    tunnel: { readonly id: string; readonly cascade: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /** Points a name at a tunnel; an existing record is refused unless `overwrite`. */
  routeDns(
    zone: string,
    route: { readonly tunnel: string; readonly hostname: string; readonly overwrite: boolean },
    signal: AbortSignal,
  ): Promise<DnsRoute>;
}

const permission = 'Account > Cloudflare Tunnel > Edit';
const text = { type: 'string' };
const connectionList = {
  type: 'array',
  nullable: true,
  items: {
    type: 'object',
    properties: {
      id: text,
      colo_name: text,
      is_pending_reconnect: { type: 'boolean' },
      origin_ip: text,
      opened_at: text,
    },
  },
};
const listSchema = schemaOf<readonly ListedTunnel[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id', 'name'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      name: text,
      created_at: text,
      deleted_at: { type: 'string', nullable: true },
      status: text,
      connections: connectionList,
    },
  },
});
const connectorsSchema = schemaOf<readonly ListedConnector[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id'],
    properties: {
      id: text,
      features: { type: 'array', nullable: true, items: text },
      version: text,
      arch: text,
      run_at: text,
      conns: connectionList,
    },
  },
});
const routeSchema = schemaOf<DnsRoute>({
  type: 'object',
  required: ['cname', 'name'],
  properties: { cname: { enum: ['new', 'updated', 'unchanged'] }, name: text },
});
const anything: Schema<unknown> = { schema: {} };

/** A client for the `tunnel` commands. Connects to nothing until the first call. */
export function createTunnelCommandsApi(options: SdkOptions): TunnelCommandsApi {
  const caller = createCaller(options);
  return {
    verifyToken: (signal) => verifyToken(caller, signal),
    accounts: (signal) => listAccounts(caller, signal),
    zones: (signal) => listZones(caller, signal),
    list: (account, filter, signal) =>
      caller.list(
        {
          what: 'listing tunnels',
          permission,
          schema: listSchema,
          perPage: 100,
          send: (sdk, paging, sending) =>
            sdk.zeroTrust.tunnels.cloudflared.list({ account_id: account, ...filter, ...paging }, sending),
        },
        signal,
      ),
    create: (account, tunnel, signal) => createTunnel(caller, account, tunnel, signal),
    get: (account, id, signal) => getTunnel(caller, account, id, signal),
    token: (account, id, signal) => getTunnelToken(caller, account, id, signal),
    connectors: (account, id, signal) =>
      caller.list(
        {
          what: `listing the connections of tunnel ${id}`,
          permission,
          schema: connectorsSchema,
          perPage: 100,
          isPaged: false,
          send: (sdk, _paging, sending) =>
            sdk.zeroTrust.tunnels.cloudflared.connections.get(id, { account_id: account }, sending),
        },
        signal,
      ),
    async disconnect(account, { id, connector }, signal) {
      const only = connector === undefined ? {} : { client_id: connector };
      await caller.call(
        {
          what: `ending the connections of tunnel ${id}`,
          permission,
          schema: anything,
          send: (sdk, sending) =>
            sdk.zeroTrust.tunnels.cloudflared.connections.delete(id, { account_id: account, ...only }, sending),
        },
        signal,
      );
    },
    async delete(account, { id, cascade }, signal) {
      await caller.call(
        {
          what: `deleting tunnel ${id}`,
          permission,
          schema: anything,
          send: (sdk, sending) =>
            sdk.zeroTrust.tunnels.cloudflared.delete(
              id,
              { account_id: account },
              { ...sending, ...(cascade ? { query: { cascade: true } } : {}) },
            ),
        },
        signal,
      );
    },
    routeDns: (zone, { tunnel, hostname, overwrite }, signal) =>
      caller.call(
        {
          what: `routing ${hostname} to tunnel ${tunnel}`,
          permission: 'Zone > DNS > Edit',
          zoneId: zone,
          schema: routeSchema,
          // In no SDK: the call is cloudflared's own.
          send: (sdk, sending) =>
            sdk.put(`/zones/${encodeURIComponent(zone)}/tunnels/${encodeURIComponent(tunnel)}/routes`, {
              ...sending,
              body: { type: 'dns', user_hostname: hostname, overwrite_existing: overwrite },
            }),
        },
        signal,
      ),
  };
}
