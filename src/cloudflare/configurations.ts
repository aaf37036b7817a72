// The configuration of a remotely managed tunnel: its rules, kept by the API and pushed to connectors.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** A tunnel's configuration as it is kept; unknown keys are somebody's and are carried along. */
export interface TunnelConfiguration {
  readonly ingress?: readonly RemoteRule[];
  readonly [key: string]: unknown;
}

/** One rule as it is kept. */
export interface RemoteRule {
  readonly hostname?: string;
  readonly path?: string;
  readonly service: string;
  readonly originRequest?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** A configuration and its version, which rises with every change. */
export interface VersionedConfiguration {
  readonly version?: number;
  /** `local`: what a connector reported of itself; `cloudflare`: what was written through the API. */
  readonly source?: string;
  /** Null when none was ever written. */
  readonly config?: TunnelConfiguration | null;
}

const permission = 'Account > Cloudflare Tunnel > Edit';

const schema = schemaOf<VersionedConfiguration>({
  type: 'object',
  properties: {
    version: { type: 'number' },
    source: { type: 'string' },
    config: {
      type: 'object',
      nullable: true,
      properties: {
        ingress: {
          type: 'array',
          nullable: true,
          maxItems: 100_000,
          items: {
            type: 'object',
            required: ['service'],
            properties: {
              hostname: { type: 'string' },
              path: { type: 'string' },
              service: { type: 'string' },
              originRequest: { type: 'object', nullable: true },
            },
          },
        },
      },
    },
  },
});

/** The tunnel's configuration. */
export function getConfiguration(
  caller: Caller,
  account: string,
  tunnelId: string,
  signal: AbortSignal,
): Promise<VersionedConfiguration> {
  return caller.call(
    {
      what: `reading the configuration of tunnel ${tunnelId}`,
      permission,
      schema,
      send: (sdk, options) =>
        sdk.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, { account_id: account }, options),
    },
    signal,
  );
}

/** Replaces the tunnel's configuration; the API pushes it to every connector. */
export function putConfiguration(
  caller: Caller,
  target: { readonly account: string; readonly tunnelId: string },
  config: TunnelConfiguration,
  signal: AbortSignal,
): Promise<VersionedConfiguration> {
  return caller.call(
    {
      what: `writing the configuration of tunnel ${target.tunnelId}`,
      permission,
      schema,
      // Sent as it is: the SDK's own type knows fewer keys than the API keeps.
      send: (sdk, options) =>
        sdk.zeroTrust.tunnels.cloudflared.configurations.update(
          target.tunnelId,
          { account_id: target.account, ...({ config } as object) },
          options,
        ),
    },
    signal,
  );
}
