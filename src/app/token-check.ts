// What a token may do of all that we need, for somebody who sets this up: the token in use, or one that is not kept yet.
import { checkToken, type PermissionCheck } from '../cloudflare/check-token.ts';
import { type CloudflareApi, createCloudflareApi } from '../cloudflare/client.ts';
import { AppError } from '../errors.ts';
import { createSilentLogger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';
import { findPlace, type Place } from './place.ts';

/** What a token may do, and where. */
export interface TokenChecks {
  readonly checks: readonly PermissionCheck[];
  /** Every zone it sees, by name. */
  readonly zones: readonly string[];
}

const patienceMs = 30_000;

/** Checks it; what keeps it from being checked is a check that failed. Only reads. */
export async function checkGivenToken(
  settings: Settings,
  api: CloudflareApi,
  token: string | undefined,
): Promise<TokenChecks> {
  const signal = AbortSignal.timeout(patienceMs);
  const { apiUrl } = settings.cloudflare;
  const asked =
    token === undefined ? api : createCloudflareApi({ apiToken: token, baseUrl: apiUrl, logger: createSilentLogger() });
  try {
    const zones = (await asked.zones.list(signal)).map(({ name }) => name);
    const place = await placeOf(settings, asked, signal);
    return { checks: await checkToken(asked, place, signal), zones };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { message, hint } = error;
    const check = { permission: 'the token itself', neededFor: 'everything', ok: false, problem: message };
    return { checks: [hint === undefined ? check : { ...check, hint }], zones: [] };
  }
}

/** Before a domain is set, everywhere the token sees. */
async function placeOf(settings: Settings, api: CloudflareApi, signal: AbortSignal): Promise<Place> {
  try {
    return await findPlace(settings, api, signal);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'E_ZONE_UNKNOWN') throw error;
    const seen = await api.zones.list(signal);
    const account = settings.cloudflare.account ?? seen[0]?.account?.id;
    if (account === undefined) throw error;
    return { account, zones: seen.slice(0, 20).map(({ name }) => name) };
  }
}
