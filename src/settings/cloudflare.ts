// The settings' `cloudflare:` with its secrets read and its paths made absolute. Pure but for the reading it is given.
import { resolve as resolvePath } from 'node:path';
import { ValidationError } from '../errors.ts';
import type { CloudflareFile, Settings, SettingsFile, TunnelSetting } from './settings.ts';

/** What resolving needs from outside. */
export interface CloudflareInputs {
  readonly readSecret: (file: string) => string;
  readonly where: string;
  readonly cwd: string;
}

/** The resolved part; throws ValidationError where keys contradict each other. */
export function resolveCloudflare(file: SettingsFile, inputs: CloudflareInputs): Settings['cloudflare'] {
  const cloudflare = file.cloudflare ?? {};
  const main = secretOf(cloudflare.api_token, cloudflare.api_token_file, inputs);
  const tunnel = resolveTunnel(cloudflare.tunnel ?? {}, inputs);
  // With the token of a tunnel alone a connector can run, and nothing else.
  if (file.edge === 'cloudflare' && main.value === undefined && tunnel.kind !== 'token') throw needsToken(inputs.where);
  return {
    apiToken: main.value,
    apiTokenFile: main.file,
    tokens: (cloudflare.tokens ?? []).map((one, at) => resolveToken(one, at, inputs)),
    account: cloudflare.account,
    zones: cloudflare.zones ?? [],
    tunnel,
    ownership: cloudflare.ownership ?? 'comment',
    apiUrl: cloudflare.api_url,
    edge: cloudflare.edge,
    edgeCaFile: cloudflare.edge_ca === undefined ? undefined : resolvePath(inputs.cwd, cloudflare.edge_ca),
  };
}

/** A secret and the file it is kept in; a value that is written wins over a file. */
function secretOf(
  value: string | undefined,
  path: string | undefined,
  inputs: CloudflareInputs,
): { readonly value: string | undefined; readonly file: string | undefined } {
  if (value !== undefined || path === undefined) return { value, file: undefined };
  const file = resolvePath(inputs.cwd, path);
  return { value: inputs.readSecret(file), file };
}

function resolveToken(
  token: NonNullable<CloudflareFile['tokens']>[number],
  at: number,
  inputs: CloudflareInputs,
): Settings['cloudflare']['tokens'][number] {
  const { value, file } = secretOf(token.api_token, token.api_token_file, inputs);
  if (value !== undefined) return { zones: token.zones, apiToken: value, apiTokenFile: file };
  throw new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: `there is no token for ${token.zones.join(', ')}`,
    where: `${inputs.where} /cloudflare/tokens/${at}`,
    hint: 'add api_token_file or api_token',
  });
}

function resolveTunnel(tunnel: NonNullable<CloudflareFile['tunnel']>, inputs: CloudflareInputs): TunnelSetting {
  const { value: token } = secretOf(tunnel.token, tunnel.token_file, inputs);
  if (token !== undefined) return { kind: 'token', token };
  if (tunnel.id === undefined) return { kind: 'named', name: tunnel.name ?? 'sallyport' };
  if (tunnel.credentials_file === undefined) {
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: 'a tunnel given by id needs its credentials file',
      where: `${inputs.where} /cloudflare/tunnel`,
      hint: 'add credentials_file, or give the tunnel by name',
    });
  }
  return {
    kind: 'existing',
    id: tunnel.id.toLowerCase(),
    credentialsFile: resolvePath(inputs.cwd, tunnel.credentials_file),
  };
}

function needsToken(where: string): ValidationError {
  return new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: '`edge: cloudflare` needs an API token',
    where: `${where} /cloudflare`,
    hint: 'set cloudflare.api_token_file or SALLYPORT_CLOUDFLARE__API_TOKEN_FILE (permissions: Cloudflare Tunnel edit, DNS edit, Access edit), or cloudflare.tunnel.token_file for a connector alone',
  });
}
