// `tunnel login`: a cert.pem, from a login in the browser or from an API token.
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { zoneOf } from '../app/place.ts';
import { systemClock } from '../clock.ts';
import type { Account } from '../cloudflare/accounts.ts';
import { createTunnelCommandsApi, type TunnelCommandsApi } from '../cloudflare/tunnel-commands.ts';
import type { Zone } from '../cloudflare/zones.ts';
import { AppError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';
import { awaitCertificate, defaultCallbackUrl, defaultLoginUrl, loginRequest } from '../tunnel/login.ts';
import { formatOriginCert, parseOriginCert } from '../tunnel/origin-cert.ts';
import { defaultOriginCert } from '../tunnel/places.ts';
import { isFile, writeNewSecretFile } from '../tunnel/secret-file.ts';
import type { CliIo } from './io.ts';
import { type TunnelInputs, tunnelInputs } from './tunnel-inputs.ts';

interface LoginOptions {
  readonly loginURL: string;
  readonly callbackURL: string;
  readonly apiTokenFile?: string;
}

/** Adds the command. */
export function addTunnelLoginCommand(program: Command, tunnel: Command, io: CliIo): void {
  tunnel
    .command('login')
    .description('log in and keep the certificate (cert.pem) the other commands use')
    .option('--api-token-file <file>', 'make the certificate from an API token instead of a login in the browser')
    .addOption(new Option('--loginURL <url>', 'another login page').default(defaultLoginUrl).argParser(readUrl))
    .addOption(
      new Option('--callbackURL <url>', 'the store that page uses').default(defaultCallbackUrl).argParser(readUrl),
    )
    .action((options: LoginOptions) => login(options, tunnelInputs(program, tunnel, io)));
}

function readUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('write it like https://dash.example.com/argotunnel');
}

async function login(options: LoginOptions, inputs: TunnelInputs): Promise<void> {
  const path = inputs.originCert ?? defaultOriginCert(inputs.home);
  if (await isFile(path)) {
    // No failure, as with cloudflared: there is a certificate, which is what was asked for.
    inputs.io.err(
      `You have an existing certificate at ${path} which login would overwrite.\nIf this is intentional, please move or delete that file then run this command again.\n`,
    );
    return;
  }
  const text =
    options.apiTokenFile === undefined
      ? await fromBrowser(options, inputs)
      : await fromApiToken(options.apiTokenFile, inputs);
  parseOriginCert(text, 'the certificate of the login service');
  await writeNewSecretFile(path, text, 0o600);
  inputs.io.err(
    `You have successfully logged in.\nIf you wish to copy your credentials to a server, they have been saved to:\n${path}\n`,
  );
}

/** The address is only printed: whoever knows it can fetch the certificate, so it must not stand in a browser's argument list. */
async function fromBrowser(options: LoginOptions, { io }: TunnelInputs): Promise<string> {
  const { pageUrl, storeUrl } = loginRequest(options.loginURL, options.callbackURL);
  io.err(
    `Please open the following URL and log in with your Cloudflare account:\n\n${pageUrl}\n\nLeave sallyport running to download the cert automatically.\n`,
  );
  return awaitCertificate(storeUrl, systemClock, AbortSignal.timeout(20 * 60_000));
}

async function fromApiToken(file: string, inputs: TunnelInputs): Promise<string> {
  const apiToken = await readToken(file);
  const api = createTunnelCommandsApi({ apiToken, baseUrl: inputs.apiUrl, logger: inputs.logger });
  const signal = AbortSignal.timeout(60_000);
  await api.verifyToken(signal);
  const { zone, accountId } = await placeOf(api, inputs.settings, signal);
  return formatOriginCert({ zoneId: zone.id, accountId, apiToken });
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError({
      code: 'E_TUNNEL',
      message: `the API token cannot be read (${cause.code ?? 'unknown'})`,
      where: file,
      hint: 'mend --api-token-file',
      cause,
    });
  });
  const token = text.trim();
  if (/^[!-~]{1,4096}$/.test(token)) return token;
  throw new AppError({
    code: 'E_TUNNEL',
    message: 'there is no API token in it',
    where: file,
    hint: 'one line, the token',
  });
}

interface LoginPlace {
  readonly zone: Zone;
  readonly accountId: string;
}

/** A login is for one zone and one account: the only ones there are, else those of the settings. */
async function placeOf(api: TunnelCommandsApi, settings: Settings, signal: AbortSignal): Promise<LoginPlace> {
  const zones = await api.zones(signal);
  const zone = chooseZone(zones, settings);
  const accountId = settings.cloudflare.account ?? zone.account?.id ?? onlyOf(await api.accounts(signal)).id;
  return { zone, accountId };
}

function chooseZone(zones: readonly Zone[], settings: Settings): Zone {
  const [only] = zones;
  if (only !== undefined && zones.length === 1) return only;
  const name = zoneOf(
    settings.cloudflare.zones[0] ?? settings.domain,
    zones.map((zone) => zone.name),
  );
  const zone = zones.find((one) => one.name === name);
  if (zone !== undefined) return zone;
  throw new AppError({ code: 'E_ZONE_UNKNOWN', message: `the API token sees no zone for "${name}"` });
}

function onlyOf(accounts: readonly Account[]): Account {
  const [only] = accounts;
  if (only !== undefined && accounts.length === 1) return only;
  throw new AppError({
    code: 'E_API',
    message: `the API token sees ${accounts.length} accounts`,
    where: 'cloudflare.account',
    hint: 'set cloudflare.account to the one to use',
  });
}
