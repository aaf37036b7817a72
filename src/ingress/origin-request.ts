// originRequest: cloudflared's defaults, and the precedence rule > global > default. Pure.
import type { IngressRule, OriginAccess, OriginRequest } from '../model.ts';

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
 * Writes a file's global originRequest into each rule that does not say otherwise. `ipRules` stay out: cloudflared reads them
 * only where a rule itself carries them. `access` goes in key by key, so that a rule naming only its audTag stays locked.
 */
export function foldOriginRequest(
  rules: readonly IngressRule[],
  global: OriginRequest | undefined,
): readonly IngressRule[] {
  const { ipRules: _ipRules, ...inherited } = global ?? {};
  if (Object.keys(inherited).length === 0) return rules;
  return rules.map((rule) => ({ ...rule, originRequest: withGlobal(inherited, rule.originRequest) }));
}

function withGlobal(inherited: OriginRequest, own: OriginRequest | undefined): OriginRequest {
  const both = { ...inherited, ...own };
  return inherited.access === undefined ? both : { ...both, access: globalAccess(inherited.access, own?.access) };
}

/** cloudflared accepts a global audTag without a team. It is left out then: the rule still requires a token, which nobody has. */
function globalAccess(inherited: OriginAccess, own: OriginAccess | undefined): OriginAccess {
  const { audTag, ...rest } = { ...inherited, ...own };
  const isUsable = (rest.teamName ?? '') !== '' || own?.audTag !== undefined;
  return audTag === undefined || !isUsable ? rest : { ...rest, audTag };
}
