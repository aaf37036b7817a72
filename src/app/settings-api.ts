// The API client the settings describe: one token, or several for different zones; tokens as they are now, not as they were at the start.
import type { Clock } from '../clock.ts';
import { type CloudflareApi, createCloudflareApi } from '../cloudflare/client.ts';
import { combineTokens } from '../cloudflare/several-tokens.ts';
import { createTokenSource } from '../cloudflare/token-source.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';

/** What the client is made from. */
export interface SettingsApiOptions {
  /** Asked before every request. */
  readonly settings: () => Pick<Settings, 'cloudflare'>;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** The API of the settings' tokens; connects to nothing until the first call. */
export function createSettingsApi(options: SettingsApiOptions): CloudflareApi {
  const { settings, logger } = options;
  const { apiUrl, tokens } = settings().cloudflare;
  const shared = { baseUrl: apiUrl, logger, ...(options.clock === undefined ? {} : { clock: options.clock }) };
  const main = createCloudflareApi({
    ...shared,
    apiToken: createTokenSource(() => {
      const { apiToken = '', apiTokenFile } = settings().cloudflare;
      return { token: apiToken, file: apiTokenFile };
    }),
  });
  const others = tokens.map(({ zones, apiToken, apiTokenFile }, at) => {
    const name = `cloudflare.tokens[${at}]`;
    const source = createTokenSource(() => ({ token: apiToken, file: apiTokenFile }));
    return { name, zones, api: createCloudflareApi({ ...shared, apiToken: source, tokenName: `the token ${name}` }) };
  });
  return combineTokens(main, others);
}

/** What the settings call the tokens there are. */
export function tokenNames({ apiToken, tokens }: Settings['cloudflare']): readonly string[] {
  return [
    ...(apiToken === undefined ? [] : ['cloudflare.api_token']),
    ...tokens.map((_, at) => `cloudflare.tokens[${at}]`),
  ];
}
