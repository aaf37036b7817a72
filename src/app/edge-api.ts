// The API for one-shot commands: Cloudflare's, that of an embedded edge that is running, or one opened on its files just for this look.
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CloudflareApi, createCloudflareApi } from '../cloudflare/client.ts';
import { createEdgeApi } from '../edge/api/server.ts';
import { type EdgeStore, openEdgeStore } from '../edge/store/store.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';
import type { StateDir } from '../state-dir.ts';
import { edgeApiToken, edgeStoreFile, settingsZones } from './embedded-edge.ts';
import { createSettingsApi } from './settings-api.ts';

/** An API client and the way to let go of what stands behind it. */
export interface BorrowedApi {
  readonly api: CloudflareApi;
  close(): Promise<void>;
}

/** Opens the API the settings lead to. */
export async function borrowApi(settings: Settings, stateDir: StateDir, logger: Logger): Promise<BorrowedApi> {
  if (settings.edge === 'cloudflare' || settings.cloudflare.apiUrl !== undefined) {
    return { api: createSettingsApi({ settings: () => settings, logger }), close: async () => undefined };
  }
  const access = runningEdgeApi(settings, stateDir);
  if (await answers(access)) return { api: createCloudflareApi({ ...access, logger }), close: async () => undefined };
  return openOwn(settings, stateDir, access.apiToken, logger);
}

/** Where the embedded edge's API answers while it runs, and the token for it: a secret. */
export function runningEdgeApi(
  settings: Settings,
  stateDir: StateDir,
): { readonly apiToken: string; readonly baseUrl: string } {
  const { host, port } = settings.embeddedEdge.api;
  return { apiToken: edgeApiToken(stateDir), baseUrl: `http://${bracketed(host)}:${port}/client/v4` };
}

/** Nobody runs the edge: its objects are read from its files, or there are none yet. */
async function openOwn(settings: Settings, stateDir: StateDir, token: string, logger: Logger): Promise<BorrowedApi> {
  const { store, letGo } = openCopy(edgeStoreFile(stateDir));
  try {
    return await serveStore({ settings, store, letGo, token, logger });
  } catch (error) {
    letGo();
    throw error;
  }
}

interface Served {
  readonly settings: Settings;
  readonly store: EdgeStore;
  readonly letGo: () => void;
  readonly token: string;
  readonly logger: Logger;
}

async function serveStore({ settings, store, letGo, token, logger }: Served): Promise<BorrowedApi> {
  for (const zone of settingsZones(settings)) store.ensureZone(zone);
  const registry = { connections: () => [], disconnect: () => undefined };
  const server = await createEdgeApi({
    store,
    registry,
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { apiToken: token },
    logger,
  });
  const close = async () => {
    await server.stop();
    letGo();
  };
  return { api: createCloudflareApi({ apiToken: token, baseUrl: server.baseUrl, logger }), close };
}

/** A copy, because opening the file itself already writes to it: zones of changed settings, journals, a newer version. */
function openCopy(file: string): { readonly store: EdgeStore; letGo(): void } {
  if (!existsSync(file)) {
    const store = openEdgeStore(':memory:');
    return { store, letGo: () => store.close() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-look-'));
  const forget = () => rmSync(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, 'edge.sqlite');
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    const store = openEdgeStore(copy);
    const letGo = () => {
      store.close();
      forget();
    };
    return { store, letGo };
  } catch (error) {
    forget();
    throw atOriginal(error, file);
  }
}

/** What is wrong with the copy is wrong with the file. */
function atOriginal(error: unknown, file: string): unknown {
  if (error instanceof AppError)
    return new AppError({ code: error.code, message: error.message, where: file, hint: error.hint, cause: error });
  const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const message = `the edge database cannot be read (${reason})`;
  return new AppError({ code: 'E_STATE', message, where: file, hint: 'check its permissions', cause: error });
}

/** Asked once, without the client's patience: mostly nobody is there, and a person waits. */
async function answers({
  apiToken,
  baseUrl,
}: {
  readonly apiToken: string;
  readonly baseUrl: string;
}): Promise<boolean> {
  try {
    const answer = await fetch(`${baseUrl}/user/tokens/verify`, {
      headers: { authorization: `Bearer ${apiToken}` },
      signal: AbortSignal.timeout(2_000),
    });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    // Nobody there, or another program on our port: either way it is not our edge.
    return false;
  }
}

function bracketed(host: string): string {
  if (host === '::' || host === '0.0.0.0') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
