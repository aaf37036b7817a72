// The connector of a road: which one, on which edge, with whose credentials. Built, not started.
import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { type CloudflaredConnector, createCloudflaredConnector } from '../connector/cloudflared/connector.ts';
import { createNativeConnector, type NativeConnector } from '../connector/native/connector.ts';
import { discoverEdges, staticEdges } from '../connector/native/edge-addresses.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { IngressRule } from '../model.ts';
import type { BoundCredentials } from '../protocol/credentials.ts';
import type { Settings } from '../settings/settings.ts';
import { version } from '../version.ts';
import type { ConnectorChoice } from './choose-connector.ts';
import type { LocalEdge } from './embedded-edge.ts';

/** cloudflared's default, and ours. */
const haConnections = 4;

/** How long requests in flight may take when we stop. */
export const drainMs = 8_000;

/** Either connector. */
export type AnyConnector = NativeConnector | CloudflaredConnector;

/** What a connector is built from. */
export interface ConnectorOptions {
  readonly settings: Settings;
  readonly edge: LocalEdge | undefined;
  readonly choice: ConnectorChoice;
  /** The secret in it must never be logged. */
  readonly credentials: BoundCredentials;
  /** The edge pushes the rules. */
  readonly isRemote: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Builds it. Throws AppError when the edge's CA cannot be read. */
export function createConnector(options: ConnectorOptions): AnyConnector {
  const { settings, edge, choice, credentials, isRemote, logger, clock } = options;
  const addresses = edgeAddresses(options);
  const caFile = settings.cloudflare.edgeCaFile ?? edge?.caFile;
  if (choice.kind === 'cloudflared') {
    return createCloudflaredConnector({
      binary: choice.binary,
      credentials,
      edges: addresses,
      caFile,
      stateDir: settings.dataDir,
      haConnections,
      rules: closedRules,
      gracePeriodMs: drainMs,
      logger,
      clock,
    });
  }
  return createNativeConnector({
    credentials,
    edges: addresses === undefined ? discoverEdges(credentials.endpoint) : staticEdges(addresses),
    caPem: caFile === undefined ? undefined : (edge?.caPem ?? readCa(caFile)),
    haConnections,
    logger,
    clock,
    version,
    onConfiguration: isRemote ? 'apply' : 'refuse',
  });
}

/** Until the first pass nothing is known to be safe to serve. */
const closedRules: readonly IngressRule[] = [{ service: 'http_status:503' }];

/** One slot per connection: the same address as often as connections are wanted; undefined for Cloudflare's own edge. */
function edgeAddresses(options: ConnectorOptions): readonly string[] | undefined {
  const given = options.settings.cloudflare.edge;
  if (given !== undefined) return given.length >= haConnections ? given : repeat(given, haConnections);
  const tunnel = options.edge?.addresses.tunnel;
  if (tunnel === undefined) return undefined;
  const host = tunnel.host === '::' || tunnel.host === '0.0.0.0' ? '127.0.0.1' : tunnel.host;
  return repeat([host.includes(':') ? `[${host}]:${tunnel.port}` : `${host}:${tunnel.port}`], haConnections);
}

function repeat(items: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length] ?? '');
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError({
      code: 'E_SETTINGS_UNREADABLE',
      message: `cannot read the edge's CA (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
      where: file,
      hint: 'check cloudflare.edge_ca or --edge-ca',
      cause,
    });
  }
}
