// /accounts/:account/cfd_tunnel/:tunnel/configurations: the rules of a tunnel; what is PUT is pushed to its connectors.
import { AppError } from '../../errors.ts';
import { checkRules } from '../../ingress/validate.ts';
import type { IngressRule } from '../../model.ts';
import { refusal, refusalCode } from '../store/refusal.ts';
import type { StoredTunnel } from '../store/tunnels.ts';
import { type Api, type ApiContext, checkAccount, findLiveTunnel } from './context.ts';
import { success } from './envelope.ts';

interface InTunnel {
  account: string;
  tunnel: string;
}

/** A configuration as sent; keys we do not know are kept verbatim, at every level. */
interface ConfigurationBody {
  readonly config: { readonly ingress?: readonly Partial<IngressRule>[] | null };
}

const ruleSchema = {
  type: 'object',
  properties: {
    hostname: { type: 'string', maxLength: 1_024 },
    path: { type: 'string', maxLength: 4_096 },
    service: { type: 'string', maxLength: 4_096 },
    originRequest: { type: 'object' },
  },
};

const bodySchema = {
  type: 'object',
  required: ['config'],
  properties: {
    config: {
      type: 'object',
      properties: {
        ingress: { type: 'array', nullable: true, items: ruleSchema },
        originRequest: { type: 'object' },
        'warp-routing': { type: 'object' },
      },
    },
  },
};

/** Registers the configuration routes. */
export function addConfigurationRoutes(api: Api, context: ApiContext): void {
  const path = '/accounts/:account/cfd_tunnel/:tunnel/configurations';

  function find(request: { readonly url: string; readonly params: InTunnel }): StoredTunnel {
    checkAccount(context, request, request.params.account);
    return findLiveTunnel(context, request, request.params.tunnel);
  }

  api.get<{ Params: InTunnel }>(path, (request) => {
    const tunnel = find(request);
    const configuration = context.store.configurations.get(tunnel.id);
    return success({
      tunnel_id: tunnel.id,
      version: configuration?.version ?? 0,
      config: configuration?.config ?? null,
      source: configuration?.source ?? tunnel.configSrc,
      created_at: configuration?.createdAt ?? tunnel.createdAt,
    });
  });

  api.put<{ Params: InTunnel; Body: ConfigurationBody }>(path, { schema: { body: bodySchema } }, (request) => {
    const tunnel = find(request);
    const { config } = request.body;
    checkIngress(config.ingress ?? []);
    const stored = context.store.configurations.put(tunnel.id, config);
    return success({
      tunnel_id: tunnel.id,
      version: stored.version,
      config: stored.config,
      source: stored.source,
      created_at: stored.createdAt,
    });
  });
}

/** cloudflared's own checks, so that no connector is ever pushed rules it would refuse; no rules at all is fine there. */
function checkIngress(ingress: readonly Partial<IngressRule>[]): void {
  if (ingress.length === 0) return;
  try {
    checkRules(ingress.map((rule) => ({ ...rule, service: rule.service ?? '' })));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw refusal(400, refusalCode.configurationInvalid, `Bad Configuration: ${error.message}`);
  }
}
