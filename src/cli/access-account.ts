// The account whose Access objects a command is about: Cloudflare's, or that of the embedded edge that is running.
import type { Command } from 'commander';
import { runningEdgeApi } from '../app/edge-api.ts';
import { findPlace } from '../app/place.ts';
import { type AccessApi, type CloudflareApi, createCloudflareApi } from '../cloudflare/client.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';
import { lookAtStateDir, newOwnerId, openStateDir } from '../state-dir.ts';
import { loadForCommand } from './settings-input.ts';

/** What such a command works with. */
export interface AccessAccount {
  readonly access: AccessApi;
  readonly account: string;
  /** Our id, in the names of what is ours. */
  readonly owner: string;
  readonly settings: Settings;
}

/** Opens it. With `forWriting` an owner id that does not exist yet is made and kept. */
export async function openAccessAccount(
  program: Command,
  options: { readonly forWriting: boolean },
  signal: AbortSignal,
): Promise<AccessAccount> {
  const { loaded, logger } = loadForCommand(program);
  const { settings } = loaded;
  const api = apiOf(settings, logger);
  const account = await accountOf(settings, api, signal);
  const stateDir = (options.forWriting ? openStateDir : lookAtStateDir)(settings.dataDir);
  const owner = settings.owner ?? stateDir.readOrCreate('owner', newOwnerId);
  return { access: api.access, account, owner, settings };
}

function apiOf(settings: Settings, logger: Logger): CloudflareApi {
  const { apiToken = '', apiUrl } = settings.cloudflare;
  if (!isEmbedded(settings)) return createCloudflareApi({ apiToken, baseUrl: apiUrl, logger });
  return createCloudflareApi({ ...runningEdgeApi(settings, lookAtStateDir(settings.dataDir)), logger });
}

async function accountOf(settings: Settings, api: CloudflareApi, signal: AbortSignal): Promise<string> {
  try {
    return settings.cloudflare.account ?? (await findPlace(settings, api, signal)).account;
  } catch (error) {
    const isAway = error instanceof AppError && ['E_API_UNREACHABLE', 'E_API_UNAUTHORIZED'].includes(error.code);
    if (!isAway || !isEmbedded(settings)) throw error;
    // What is changed in its files behind its back would be lost.
    throw new AppError({
      code: error.code,
      message: 'the embedded edge of these settings is not running',
      hint: 'start `sallyport run`',
      cause: error,
    });
  }
}

function isEmbedded({ edge, cloudflare }: Settings): boolean {
  return edge === 'embedded' && cloudflare.apiUrl === undefined;
}
