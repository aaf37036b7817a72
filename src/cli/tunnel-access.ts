// Whose API the `tunnel` commands talk to: that of a login (cert.pem), of an API token in the settings, or of the embedded edge that is running.
import { runningEdgeApi } from '../app/edge-api.ts';
import { findPlace, zoneOf } from '../app/place.ts';
import { createTunnelCommandsApi, type TunnelCommandsApi } from '../cloudflare/tunnel-commands.ts';
import { AppError } from '../errors.ts';
import { lookAtStateDir } from '../state-dir.ts';
import { type OriginCert, parseOriginCert } from '../tunnel/origin-cert.ts';
import { originCertPaths } from '../tunnel/places.ts';
import { isFile, readSecretFile } from '../tunnel/secret-file.ts';
import type { TunnelInputs } from './tunnel-inputs.ts';

/** An API, the account in it, and where that was found. */
export interface TunnelAccess {
  readonly api: TunnelCommandsApi;
  readonly account: string;
  /** Undefined when there was no login. */
  readonly certPath: string | undefined;
  /** The region a login is bound to. */
  readonly endpoint: string | undefined;
  /** The zone a hostname is to be routed in, and its full name. */
  zoneFor(hostname: string, signal: AbortSignal): Promise<{ readonly zone: string; readonly hostname: string }>;
}

/** FedRAMP accounts have an API of their own. */
const fedApiUrl = 'https://api.fed.cloudflare.com/client/v4';

/** Finds the way to the API: a cert.pem that is named, the settings' API token, a cert.pem in cloudflared's places, the embedded edge. */
export async function openAccess(inputs: TunnelInputs, signal: AbortSignal): Promise<TunnelAccess> {
  if (inputs.originCert !== undefined) return withCert(inputs.originCert, inputs);
  const { edge, cloudflare } = inputs.settings;
  const { apiToken } = cloudflare;
  if (apiToken !== undefined && (edge === 'cloudflare' || inputs.apiUrl !== undefined))
    return withToken({ apiToken, baseUrl: inputs.apiUrl }, inputs, signal);
  const cert = await findCert(inputs);
  if (cert !== undefined) return withCert(cert, inputs);
  if (edge === 'embedded' && inputs.apiUrl === undefined) return withEmbeddedEdge(inputs, signal);
  throw new AppError({
    code: 'E_TUNNEL',
    message: `Error locating origin cert: there is no cert.pem in ${inputs.home}/.cloudflared or cloudflared's other places`,
    hint: 'run `sallyport tunnel login`, name one with --origincert or TUNNEL_ORIGIN_CERT, or set cloudflare.api_token_file',
  });
}

async function findCert(inputs: TunnelInputs): Promise<string | undefined> {
  for (const path of originCertPaths(inputs.home)) if (await isFile(path)) return path;
  return undefined;
}

/** The login in a cert.pem. Throws AppError E_TUNNEL. */
export async function readCert(path: string): Promise<OriginCert> {
  const text = (await isFile(path)) ? await readSecretFile(path, 'the certificate') : undefined;
  if (text !== undefined) return parseOriginCert(text, path);
  throw new AppError({
    code: 'E_TUNNEL',
    message: `Error locating origin cert: cannot find a valid certificate at the path ${path}`,
    hint: 'mend --origincert, or run `sallyport tunnel login`',
  });
}

async function withCert(path: string, inputs: TunnelInputs): Promise<TunnelAccess> {
  const cert = await readCert(path);
  const baseUrl = inputs.apiUrl ?? (cert.endpoint === 'fed' ? fedApiUrl : undefined);
  return {
    api: createTunnelCommandsApi({ apiToken: cert.apiToken, baseUrl, logger: inputs.logger }),
    account: cert.accountId,
    certPath: path,
    endpoint: cert.endpoint,
    // As with cloudflared the zone is the login's, and the API decides what the name means in it.
    zoneFor: async (hostname) => ({ zone: cert.zoneId, hostname }),
  };
}

async function withToken(
  sdk: { readonly apiToken: string; readonly baseUrl: string | undefined },
  inputs: TunnelInputs,
  signal: AbortSignal,
): Promise<TunnelAccess> {
  const { settings, logger } = inputs;
  const api = createTunnelCommandsApi({ ...sdk, logger });
  const account = settings.cloudflare.account ?? (await accountOf(api, inputs, signal));
  return {
    api,
    account,
    certPath: undefined,
    endpoint: undefined,
    async zoneFor(hostname, aborting) {
      const name = hostname.includes('.') ? hostname : `${hostname}.${settings.domain}`;
      const zones = await api.zones(aborting);
      const zone = zoneOf(
        name,
        zones.map((one) => one.name),
      );
      return { zone: zones.find((one) => one.name === zone)?.id ?? '', hostname: name };
    },
  };
}

/** The only account the token sees, else the one the settings' zones are in. */
async function accountOf(api: TunnelCommandsApi, { settings }: TunnelInputs, signal: AbortSignal): Promise<string> {
  const accounts = await api.accounts(signal);
  const [only] = accounts;
  if (only !== undefined && accounts.length === 1) return only.id;
  const nouns = {
    zones: { list: api.zones, byName: async () => undefined },
    accounts: { list: async () => accounts },
  };
  return (await findPlace(settings, nouns, signal)).account;
}

/** The edge must be running: what is changed in its files behind its back would be lost. */
async function withEmbeddedEdge(inputs: TunnelInputs, signal: AbortSignal): Promise<TunnelAccess> {
  const sdk = runningEdgeApi(inputs.settings, lookAtStateDir(inputs.settings.dataDir));
  try {
    return await withToken(sdk, inputs, signal);
  } catch (error) {
    if (!(error instanceof AppError) || !['E_API_UNREACHABLE', 'E_API_UNAUTHORIZED'].includes(error.code)) throw error;
    throw new AppError({
      code: error.code,
      message: 'there is no login (cert.pem), and the embedded edge of these settings is not running',
      where: sdk.baseUrl,
      hint: 'start `sallyport run`, or log in with `sallyport tunnel login`',
      cause: error,
    });
  }
}
