// What the `tunnel` commands are told: flags, then environment, then cloudflared's configuration file, as cloudflared ranks them.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { ValidationError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';
import { type FoundConfig, readCloudflaredConfig } from './cloudflared-config.ts';
import type { CliIo } from './io.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';

/** The options every `tunnel` command takes. */
interface SharedOptions {
  readonly config?: string;
  readonly origincert?: string;
  readonly credentialsFile?: string;
  readonly credFile?: string;
}

/** Everything a `tunnel` command begins with. */
export interface TunnelInputs {
  readonly io: CliIo;
  readonly asJson: boolean;
  readonly home: string;
  readonly settings: Settings;
  readonly logger: Logger;
  /** cloudflared's configuration file, when there is one. */
  readonly config: FoundConfig | undefined;
  /** The cert.pem that was named. */
  readonly originCert: string | undefined;
  readonly credentialsFile: string | undefined;
  /** `--api-url`, TUNNEL_API_URL or `cloudflare.api_url`. */
  readonly apiUrl: string | undefined;
}

/** Adds the shared options to the `tunnel` command; they may stand before or after the verb. */
export function addSharedOptions(tunnel: Command): void {
  tunnel
    .option('--config <file>', "cloudflared's configuration file (default: cloudflared's places)")
    .addOption(
      new Option('--origincert <file>', 'cert.pem of `tunnel login`, default ~/.cloudflared/cert.pem').env(
        'TUNNEL_ORIGIN_CERT',
      ),
    )
    .addOption(new Option('--credentials-file <file>', "the tunnel's credentials file").env('TUNNEL_CRED_FILE'))
    .addOption(new Option('--cred-file <file>').hideHelp());
}

/** Reads them. Throws ValidationError for settings or a configuration file that do not hold. */
export function tunnelInputs(program: Command, tunnel: Command, io: CliIo): TunnelInputs {
  const options = tunnel.opts<SharedOptions>();
  const { loaded, logger } = loadForCommand(program);
  const home = homedir();
  const config = readCloudflaredConfig(given(options.config));
  const path = (flag: string | undefined, key: string): string | undefined => {
    const value = given(flag) ?? configText(config, key);
    return value === undefined ? undefined : expandHome(value, home);
  };
  return {
    io,
    asJson: globalOptions(program).json === true,
    home,
    settings: loaded.settings,
    logger,
    config,
    originCert: path(options.origincert, 'origincert'),
    credentialsFile:
      path(options.credFile ?? options.credentialsFile, 'credentials-file') ?? config?.config.credentialsFile,
    apiUrl: globalOptions(program).apiUrl ?? apiUrlFromEnvironment() ?? loaded.settings.cloudflare.apiUrl,
  };
}

/** A text of the configuration file's top level, where cloudflared keeps its flags. */
export function configText(config: FoundConfig | undefined, key: string): string | undefined {
  const value = config?.config.settings[key];
  return typeof value === 'string' ? given(value) : undefined;
}

/** A value that says something: an empty variable is one that is not set. */
export function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

/** A switch in the environment, read as Go's flags read one. */
export function isSwitchedOn(name: string): boolean {
  return ['1', 't', 'true'].includes((process.env[name] ?? '').toLowerCase());
}

function expandHome(path: string, home: string): string {
  return path.startsWith('~/') ? join(home, path.slice(2)) : path;
}

function apiUrlFromEnvironment(): string | undefined {
  const url = given(process.env.TUNNEL_API_URL);
  if (url === undefined || (/^https?:\/\//.test(url) && URL.canParse(url))) return url;
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message: 'it is not the URL of an API',
    where: 'TUNNEL_API_URL',
    hint: 'write it like https://api.example.com/client/v4',
  });
}
