// Which connections serve which tunnel, and which of them takes the next request.
import type { ConnectionRegistry, RegisteredConnection } from '../model.ts';

/** What the registry needs to know of a connection; the rest is tunnel-connection.ts. */
export interface Connection {
  readonly info: Omit<RegisteredConnection, 'draining'>;
  /** Requests it is serving now. */
  readonly inFlight: number;
  /** True once it takes no new requests. */
  readonly draining: boolean;
  /** True while its connector has not been told the rules: it takes requests only when no other can. */
  readonly awaitsRules: boolean;
  /** Ends it: at once, or after its requests. */
  close(reason: string): void;
}

/** The registry as the data plane uses it. */
export interface Registry<C extends Connection> extends ConnectionRegistry {
  /** The connection that holds this tunnel, connector and index, if any: only one may. */
  find(tunnelId: string, clientId: string, connIndex: number): C | undefined;
  add(connection: C): void;
  remove(connection: C): void;
  /** The least busy connection that knows the rules and is not in `except`; equally busy ones take turns. */
  pick(tunnelId: string, except?: readonly C[]): C | undefined;
  /** Every connection of a tunnel. */
  list(tunnelId: string): readonly C[];
  all(): IterableIterator<C>;
}

/** Hears when a tunnel gains its first connection (others may be draining) and when it loses its last one. */
export type ConnectednessListener = (tunnelId: string, isConnected: boolean) => void;

/** An empty registry. */
export function createRegistry<C extends Connection>(onChange: ConnectednessListener = () => undefined): Registry<C> {
  const tunnels = new Map<string, C[]>();
  let turn = 0;

  function list(tunnelId: string): readonly C[] {
    return tunnels.get(tunnelId) ?? [];
  }

  function remove(connection: C): void {
    const { tunnelId } = connection.info;
    const present = list(tunnelId);
    const rest = present.filter((other) => other !== connection);
    if (rest.length > 0) {
      tunnels.set(tunnelId, rest);
      return;
    }
    tunnels.delete(tunnelId);
    if (present.length > 0) onChange(tunnelId, false);
  }

  function pick(tunnelId: string, except?: readonly C[]): C | undefined {
    const connections = tunnels.get(tunnelId);
    if (connections === undefined) return undefined;
    turn = (turn + 1) % 0x40000000;
    let best: C | undefined;
    let untold: C | undefined;
    for (let i = 0; i < connections.length; i++) {
      const connection = connections[(turn + i) % connections.length];
      if (connection === undefined || connection.draining || except?.includes(connection) === true) continue;
      if (connection.awaitsRules) untold ??= connection;
      else if (best === undefined || connection.inFlight < best.inFlight) best = connection;
    }
    return best ?? untold;
  }

  return {
    list,
    remove,
    pick,
    add: (connection) => {
      const { tunnelId } = connection.info;
      const present = list(tunnelId);
      tunnels.set(tunnelId, [...present, connection]);
      // Connections on their way out do not count; saying so twice does no harm.
      if (present.every((other) => other.draining)) onChange(tunnelId, true);
    },
    find: (tunnelId, clientId, connIndex) =>
      list(tunnelId).find(({ info }) => info.clientId === clientId && info.connIndex === connIndex),
    all: function* () {
      for (const connections of [...tunnels.values()]) yield* connections;
    },
    connections: (tunnelId) =>
      list(tunnelId).map((connection) => ({ ...connection.info, draining: connection.draining })),
    disconnect: (tunnelId, clientId) => {
      for (const connection of list(tunnelId)) {
        if (clientId === undefined || connection.info.clientId === clientId)
          connection.close('disconnected on request');
      }
    },
  };
}
