// What `tunnel run` proves itself with: a token, or the credentials of the tunnel that was named.
import { AppError } from '../errors.ts';
import { type BoundCredentials, parseCredentialsFile, parseToken } from '../protocol/credentials.ts';
import { findCredentialsFile, readNamedCredentials } from '../tunnel/credentials-search.ts';
import { findTunnelId, isTunnelId } from '../tunnel/find.ts';
import { credentialsPaths } from '../tunnel/places.ts';
import { readSecretFile } from '../tunnel/secret-file.ts';
import { openAccess } from './tunnel-access.ts';
import { given, type TunnelInputs } from './tunnel-inputs.ts';

/** What the command line and the environment say about it. */
export interface CredentialOptions {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly credentialsContents?: string;
}

/** Finds them; `ref` is the tunnel's id or name. Throws AppError: E_USAGE when nothing says which tunnel. */
export async function credentialsToRun(
  ref: string | undefined,
  options: CredentialOptions,
  inputs: TunnelInputs,
  signal: AbortSignal,
): Promise<BoundCredentials> {
  const token = await tokenText(options);
  if (token !== undefined) return fromToken(token);
  const tunnel = ref ?? inputs.config?.config.tunnel;
  if (tunnel === undefined) {
    throw usage(
      '"tunnel run" requires the ID or name of the tunnel to run as the last command line argument or in the configuration file',
      'or give a token: --token-file FILE or TUNNEL_TOKEN',
    );
  }
  const known = await givenCredentials(options, inputs);
  if (known !== undefined) return isTunnelId(tunnel) ? { ...known, tunnelId: tunnel.toLowerCase() } : known;
  if (isTunnelId(tunnel)) return ofTunnel(tunnel.toLowerCase(), inputs, signal);
  return ofTunnel(await findTunnelId(tunnel, await openAccess(inputs, signal), signal), inputs, signal);
}

async function tokenText({ token, tokenFile }: CredentialOptions): Promise<string | undefined> {
  const text = given(token);
  const file = given(tokenFile);
  if (text !== undefined || file === undefined) return text;
  const read = await readSecretFile(file, 'the token file');
  if (read !== undefined) return read.trim();
  throw new AppError({
    code: 'E_TUNNEL',
    message: 'there is no such token file',
    where: file,
    hint: 'mend --token-file',
  });
}

function fromToken(text: string): BoundCredentials {
  try {
    return parseToken(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw usage('Provided Tunnel token is not valid.', 'copy it whole from the dashboard or from `tunnel token NAME`');
  }
}

async function givenCredentials(
  options: CredentialOptions,
  inputs: TunnelInputs,
): Promise<BoundCredentials | undefined> {
  const contents = given(options.credentialsContents);
  if (contents !== undefined) return parseCredentialsFile(contents, 'TUNNEL_CRED_CONTENTS');
  return inputs.credentialsFile === undefined ? undefined : readNamedCredentials(inputs.credentialsFile);
}

/** From the file `tunnel create` wrote, wherever that is; where there is none, the API that made the tunnel knows them too. */
async function ofTunnel(id: string, inputs: TunnelInputs, signal: AbortSignal): Promise<BoundCredentials> {
  const places = { home: inputs.home, originCert: inputs.originCert, dataDir: inputs.settings.dataDir };
  const file = await findCredentialsFile(credentialsPaths(id, places));
  if (file !== undefined) return { ...(await readNamedCredentials(file)), tunnelId: id };
  try {
    const access = await openAccess(inputs, signal);
    return parseToken(await access.api.token(access.account, id, signal));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError({
      code: 'E_TUNNEL',
      message: `tunnel credentials file not found: there is no ${id}.json in cloudflared's places, and the API did not give them (${error.message})`,
      hint: 'name the file with --credentials-file, or run the tunnel by its token',
      cause: error,
    });
  }
}

function usage(message: string, hint: string): AppError {
  return new AppError({ code: 'E_USAGE', message, hint });
}
