// Where `tunnel run` and `quick` find the edge: the addresses that were given, the embedded edge when the tunnel is its own, else Cloudflare's.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { borrowApi } from '../app/edge-api.ts';
import { edgeStoreFile } from '../app/embedded-edge.ts';
import { discoverEdges, type EdgeAddresses, staticEdges } from '../connector/native/edge-addresses.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';
import { lookAtStateDir } from '../state-dir.ts';
import { edgeSlots } from '../tunnel/run-rules.ts';

/** What decides about the edge. */
export interface EdgeChoice {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Addresses that were given. */
  readonly edges: readonly string[] | undefined;
  readonly caFile: string | undefined;
  readonly region: string | undefined;
  /** Whose tunnel it is. */
  readonly accountTag: string;
  readonly connections: number;
}

/** Addresses to dial and whom to trust there. */
export interface EdgeRoad {
  readonly edges: EdgeAddresses;
  readonly caPem: string | undefined;
}

/** Finds it. Throws AppError when a given address or CA does not hold. */
export async function findEdge(choice: EdgeChoice, signal: AbortSignal): Promise<EdgeRoad> {
  if (choice.edges !== undefined) return given(choice.edges, choice.caFile, choice.connections);
  if (await isOwnAccount(choice, signal)) {
    const { tunnel, certificatesDir } = choice.settings.embeddedEdge;
    const host = tunnel.host === '::' || tunnel.host === '0.0.0.0' ? '127.0.0.1' : tunnel.host;
    const address = `${host.includes(':') ? `[${host}]` : host}:${tunnel.port}`;
    return given([address], choice.caFile ?? join(certificatesDir, 'ca.pem'), choice.connections);
  }
  return {
    edges: discoverEdges(choice.region),
    caPem: choice.caFile === undefined ? undefined : await readCa(choice.caFile),
  };
}

async function given(texts: readonly string[], caFile: string | undefined, connections: number): Promise<EdgeRoad> {
  const caPem = caFile === undefined ? undefined : await readCa(caFile);
  return { edges: staticEdges(edgeSlots(texts, connections)), caPem };
}

/** A tunnel of the embedded edge's account is no other edge's business: its secret must not go there. */
async function isOwnAccount({ settings, logger, accountTag }: EdgeChoice, signal: AbortSignal): Promise<boolean> {
  const stateDir = lookAtStateDir(settings.dataDir);
  const isThere = existsSync(edgeStoreFile(stateDir));
  if (settings.edge !== 'embedded' || settings.cloudflare.apiUrl !== undefined || !isThere) return false;
  const { api, close } = await borrowApi(settings, stateDir, logger);
  try {
    return (await api.accounts.list(signal)).some((account) => account.id === accountTag);
  } finally {
    await close();
  }
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError({
      code: 'E_TUNNEL',
      message: `the edge's CA cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
      where: file,
      hint: 'check --edge-ca or --cacert',
      cause,
    });
  }
}
