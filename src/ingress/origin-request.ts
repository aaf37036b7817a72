// originRequest: cloudflared's defaults, and the precedence rule > global > default. Pure.
import type { IngressRule, OriginRequest } from '../model.ts';

/** An originRequest with every default filled in; durations are seconds. */
export type ResolvedOriginRequest = Required<Omit<OriginRequest, 'access'>> & Pick<OriginRequest, 'access'>;

/** cloudflared's defaults. */
export const originRequestDefaults: ResolvedOriginRequest = {
  connectTimeout: 30,
  tlsTimeout: 10,
  tcpKeepAlive: 30,
  noHappyEyeballs: false,
  keepAliveTimeout: 90,
  keepAliveConnections: 100,
  httpHostHeader: '',
  originServerName: '',
  matchSNItoHost: false,
  caPool: '',
  noTLSVerify: false,
  http2Origin: false,
  disableChunkedEncoding: false,
  bastionMode: false,
  proxyAddress: '127.0.0.1',
  proxyPort: 0,
  proxyType: '',
  ipRules: [],
};

/** The rule's own values over the defaults; an explicit false or "" counts. */
export function resolveOriginRequest(own: OriginRequest | undefined): ResolvedOriginRequest {
  return { ...originRequestDefaults, ...own };
}

/**
 * Writes a file's global originRequest into each rule that does not say otherwise. `access` and `ipRules` stay out:
 * cloudflared enforces both only where a rule itself carries them.
 */
export function foldOriginRequest(
  rules: readonly IngressRule[],
  global: OriginRequest | undefined,
): readonly IngressRule[] {
  const { access: _access, ipRules: _ipRules, ...inherited } = global ?? {};
  if (Object.keys(inherited).length === 0) return rules;
  return rules.map((rule) => ({ ...rule, originRequest: { ...inherited, ...rule.originRequest } }));
}
