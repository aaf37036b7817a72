// What the halves of the embedded edge know of each other: the API writes it, the data plane reads it. Types only.

/** A tunnel as the data plane needs it. The secret must never be logged. */
export interface EdgeTunnel {
  readonly id: string;
  readonly accountTag: string;
  readonly name: string;
  readonly secret: Uint8Array;
  /** `config_src: cloudflare`; tells a connector not to report a local configuration. */
  readonly remotelyManaged: boolean;
}

/** A configuration to push, as cloudflared's update-configuration stream carries it. */
export interface EdgeConfiguration {
  readonly version: number;
  readonly config: unknown;
}

/** What the data plane asks of the store. Lookups are synchronous and from memory: they are on the path of every request. */
export interface EdgeDirectory {
  tunnel(tunnelId: string): EdgeTunnel | undefined;
  /** The tunnel a hostname's proxied CNAME points at (exact name first, then the closest wildcard), or undefined when no record exists. The tunnel may not exist. */
  route(hostname: string): { readonly tunnelId: string } | undefined;
  configuration(tunnelId: string): EdgeConfiguration | undefined;
  /** Remembers what connection 0 of a locally managed tunnel reported (shown by the configurations endpoint). */
  reportLocalConfiguration(tunnelId: string, config: unknown): void;
  /** Optional: remembers that a tunnel gained its first or lost its last connection (`conns_active_at`, status `down`). */
  connectionsChanged?(tunnelId: string, isConnected: boolean): void;
  /** Calls back after a change is durable; returns the way to stop. */
  subscribe(listener: (change: EdgeChange) => void): () => void;
}

/** What the store tells the data plane. */
export type EdgeChange =
  | { readonly kind: 'configuration'; readonly tunnelId: string }
  | { readonly kind: 'tunnel-deleted'; readonly tunnelId: string };

/** One registered connection, as the API's `connections` endpoints show it. */
export interface RegisteredConnection {
  readonly id: string;
  readonly tunnelId: string;
  readonly clientId: string;
  readonly connIndex: number;
  readonly version: string;
  readonly arch: string;
  readonly features: readonly string[];
  readonly originIp: string;
  readonly location: string;
  readonly openedAt: Date;
  readonly draining: boolean;
}

/** What the API asks of the data plane. */
export interface ConnectionRegistry {
  connections(tunnelId: string): readonly RegisteredConnection[];
  /** Ends the connections of a tunnel, or of one connector of it (`cloudflared tunnel cleanup`). */
  disconnect(tunnelId: string, clientId?: string): void;
}
