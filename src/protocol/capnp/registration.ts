// What connector and edge say to each other on the control stream. Types only; names are cloudflared's.

/** Proves that a connector may serve the tunnel. The secret must never be logged. */
export interface TunnelAuth {
  readonly accountTag: string;
  readonly tunnelSecret: Uint8Array;
}

/** Which connector process this is, and what it can do. */
export interface ClientInfo {
  /** 16 bytes: the same on every connection of one process. */
  readonly clientId: Uint8Array;
  readonly features: readonly string[];
  readonly version: string;
  /** `linux_amd64`. */
  readonly arch: string;
}

/** How a connection wants to be treated. */
export interface ConnectionOptions {
  readonly client: ClientInfo;
  /** 4 or 16 bytes. */
  readonly originLocalIp: Uint8Array;
  readonly replaceExisting: boolean;
  /** 0 to 255. */
  readonly compressionQuality: number;
  /** 0 to 255. */
  readonly numPreviousAttempts: number;
}

/** The first call of every connection. */
export interface RegisterConnectionRequest {
  readonly auth: TunnelAuth;
  /** 16 bytes. */
  readonly tunnelId: Uint8Array;
  /** 0 to 255. */
  readonly connIndex: number;
  readonly options: ConnectionOptions;
}

/** The edge accepted. */
export interface ConnectionDetails {
  /** 16 bytes: this connection's id. */
  readonly uuid: Uint8Array;
  readonly locationName: string;
  readonly tunnelIsRemotelyManaged: boolean;
}

/** The edge refused. */
export interface ConnectionError {
  readonly cause: string;
  /** Nanoseconds. */
  readonly retryAfterNs: bigint;
  readonly shouldRetry: boolean;
}

/** The edge's answer to a registration. */
export type RegisterConnectionResponse = { readonly details: ConnectionDetails } | { readonly error: ConnectionError };

/** What the edge does with each call; a rejection reaches the connector as an RPC exception with its message. */
export interface RegistrationHandlers {
  registerConnection(request: RegisterConnectionRequest): Promise<RegisterConnectionResponse>;
  unregisterConnection(): Promise<void>;
  /** `config` is JSON. */
  updateLocalConfiguration(config: Uint8Array): Promise<void>;
}

/** The edge's end of one control stream. */
export interface RegistrationServer {
  /** Resolves when the stream is gone; never rejects. */
  readonly closed: Promise<void>;
  /** Why it ended when it did not end well: a ProtocolError when the peer broke the protocol. */
  readonly error: Error | undefined;
  close(): void;
}

/** The connector's end of one control stream. */
export interface RegistrationClient {
  /** Rejects with an EdgeError when the edge answers with an exception, not in time or not at all. */
  registerConnection(request: RegisterConnectionRequest): Promise<RegisterConnectionResponse>;
  updateLocalConfiguration(config: Uint8Array): Promise<void>;
  unregisterConnection(timeoutMs: number): Promise<void>;
  /** Resolves when the stream is gone; never rejects. */
  readonly closed: Promise<void>;
  /** Why it ended when it did not end well: a ProtocolError when the peer broke the protocol. */
  readonly error: Error | undefined;
  close(): void;
}
