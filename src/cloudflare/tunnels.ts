// Tunnels of an account.
import { type Schema, schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** A tunnel as the API knows it. */
export interface ApiTunnel {
  readonly id: string;
  readonly name: string;
  readonly account_tag?: string;
  readonly deleted_at?: string | null;
  readonly created_at?: string;
  readonly status?: string;
  /** Its rules are kept by the API and pushed to connectors. */
  readonly remote_config?: boolean;
  readonly config_src?: string;
}

/** One connector of a tunnel and its connections. */
export interface ApiConnector {
  readonly id: string;
  readonly version?: string;
  readonly arch?: string;
  readonly conns?: readonly { readonly id?: string; readonly colo_name?: string; readonly opened_at?: string }[];
}

/** A tunnel to make. The secret must never be logged. */
export interface NewTunnel {
  readonly name: string;
  /** 32 bytes, base64. */
  readonly tunnelSecret: string;
  readonly configSrc: 'local' | 'cloudflare';
}

const permission = 'Account > Cloudflare Tunnel > Edit';

const tunnelObject = {
  type: 'object',
  required: ['id', 'name'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    name: { type: 'string' },
    account_tag: { type: 'string' },
    deleted_at: { type: 'string', nullable: true },
    created_at: { type: 'string' },
    status: { type: 'string' },
    remote_config: { type: 'boolean' },
    config_src: { type: 'string' },
  },
};
const tunnelSchema = schemaOf<ApiTunnel>(tunnelObject);
const tunnelsSchema = schemaOf<readonly ApiTunnel[]>({ type: 'array', items: tunnelObject });
const tokenSchema = schemaOf<string>({ type: 'string', minLength: 1, maxLength: 8_192 });
const connectorsSchema = schemaOf<readonly ApiConnector[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id'],
    properties: {
      id: { type: 'string' },
      version: { type: 'string' },
      arch: { type: 'string' },
      conns: {
        type: 'array',
        items: {
          type: 'object',
          properties: { id: { type: 'string' }, colo_name: { type: 'string' }, opened_at: { type: 'string' } },
        },
      },
    },
  },
});
const anything: Schema<unknown> = { schema: {} };

/** The account's live tunnels, or only those of this name. */
export function listTunnels(
  caller: Caller,
  account: string,
  signal: AbortSignal,
  name?: string,
): Promise<readonly ApiTunnel[]> {
  const filter = { account_id: account, is_deleted: false, ...(name === undefined ? {} : { name }) };
  return caller.list(
    {
      what: 'listing tunnels',
      permission,
      schema: tunnelsSchema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.tunnels.cloudflared.list({ ...filter, ...paging }, options),
    },
    signal,
  );
}

/** Makes a tunnel; ApiError with status 409 when the name is taken. */
export function createTunnel(
  caller: Caller,
  account: string,
  tunnel: NewTunnel,
  signal: AbortSignal,
): Promise<ApiTunnel> {
  return caller.call(
    {
      what: `creating tunnel "${tunnel.name}"`,
      permission,
      schema: tunnelSchema,
      send: (sdk, options) =>
        sdk.zeroTrust.tunnels.cloudflared.create(
          {
            account_id: account,
            name: tunnel.name,
            tunnel_secret: tunnel.tunnelSecret,
            config_src: tunnel.configSrc,
          },
          options,
        ),
    },
    signal,
  );
}

/** One tunnel, deleted ones included; ApiError with status 404 when there never was one. */
export function getTunnel(caller: Caller, account: string, id: string, signal: AbortSignal): Promise<ApiTunnel> {
  return caller.call(
    {
      what: `reading tunnel ${id}`,
      permission,
      schema: tunnelSchema,
      send: (sdk, options) => sdk.zeroTrust.tunnels.cloudflared.get(id, { account_id: account }, options),
    },
    signal,
  );
}

/** Deletes a tunnel; it must have no connections. */
export async function deleteTunnel(caller: Caller, account: string, id: string, signal: AbortSignal): Promise<void> {
  await caller.call(
    {
      what: `deleting tunnel ${id}`,
      permission,
      schema: anything,
      send: (sdk, options) => sdk.zeroTrust.tunnels.cloudflared.delete(id, { account_id: account }, options),
    },
    signal,
  );
}

/** The token a connector of this tunnel runs with: a secret. */
export function getTunnelToken(caller: Caller, account: string, id: string, signal: AbortSignal): Promise<string> {
  return caller.call(
    {
      what: `reading the token of tunnel ${id}`,
      permission,
      schema: tokenSchema,
      send: (sdk, options) => sdk.zeroTrust.tunnels.cloudflared.token.get(id, { account_id: account }, options),
    },
    signal,
  );
}

/** The tunnel's connectors and their connections. */
export function listTunnelConnections(
  caller: Caller,
  account: string,
  id: string,
  signal: AbortSignal,
): Promise<readonly ApiConnector[]> {
  return caller.list(
    {
      what: `listing the connections of tunnel ${id}`,
      permission,
      schema: connectorsSchema,
      perPage: 100,
      isPaged: false,
      send: (sdk, _paging, options) =>
        sdk.zeroTrust.tunnels.cloudflared.connections.get(id, { account_id: account }, options),
    },
    signal,
  );
}

/** Whether a tunnel still exists: deleted ones stay readable. Older answers write "never" as the year 1. */
export function isLive(tunnel: ApiTunnel): boolean {
  return tunnel.deleted_at === undefined || tunnel.deleted_at === null || tunnel.deleted_at.startsWith('0001-');
}
