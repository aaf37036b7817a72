// /accounts/:account/cfd_tunnel: list, create, read, change, delete, the token, and who is connected.
import { noRoute, refusal, refusalCode } from '../store/refusal.ts';
import type { TunnelInput } from '../store/tunnels.ts';
import {
  type Api,
  type ApiContext,
  checkAccount,
  findLiveTunnel,
  findTunnel,
  observeTunnel,
  pathOf,
} from './context.ts';
import { onePage, paged, success } from './envelope.ts';
import { isWantedTunnel, type TunnelQuery, tunnelQuerySchema } from './tunnel-query.ts';
import { connectorViews, credentialsView, tokenOf, tunnelView } from './tunnel-view.ts';

interface InAccount {
  account: string;
}

interface InTunnel extends InAccount {
  tunnel: string;
}

const name = { type: 'string', minLength: 1, maxLength: 255 };
const secret = { type: 'string', maxLength: 2_048 };

const createSchema = {
  type: 'object',
  required: ['name'],
  properties: { name, tunnel_secret: secret, config_src: { enum: ['local', 'cloudflare'] } },
};
const editSchema = { type: 'object', properties: { name, tunnel_secret: secret } };
const deleteSchema = { type: 'object', properties: { cascade: { type: 'boolean', default: false } } };
const disconnectSchema = { type: 'object', properties: { client_id: { type: 'string', maxLength: 64 } } };

/** Registers the tunnel routes. */
export function addTunnelRoutes(api: Api, context: ApiContext): void {
  const { store, registry } = context;
  const { tunnels } = store;
  const accountId = store.account.id;
  const base = '/accounts/:account/cfd_tunnel';

  api.get<{ Params: InAccount; Querystring: TunnelQuery }>(
    base,
    { schema: { querystring: tunnelQuerySchema } },
    (request) => {
      checkAccount(context, request, request.params.account);
      const found = context
        .arrange(tunnels.list(), (tunnel) => tunnel)
        .map((tunnel) => tunnelView(observeTunnel(context, tunnel), accountId))
        .filter((tunnel) => isWantedTunnel(tunnel, request.query));
      return paged(found, request.query, (tunnel) => tunnel);
    },
  );

  api.post<{ Params: InAccount; Body: TunnelInput }>(base, { schema: { body: createSchema } }, (request) => {
    checkAccount(context, request, request.params.account);
    const tunnel = tunnels.create(request.body);
    return success({
      ...tunnelView({ tunnel, connections: [] }, accountId),
      ...credentialsView(tunnel, accountId),
    });
  });

  api.get<{ Params: InTunnel }>(`${base}/:tunnel`, (request) => {
    checkAccount(context, request, request.params.account);
    const tunnel = findTunnel(context, request, request.params.tunnel);
    return success(tunnelView(observeTunnel(context, tunnel), accountId));
  });

  api.patch<{ Params: InTunnel; Body: { name?: string; tunnel_secret?: string } }>(
    `${base}/:tunnel`,
    { schema: { body: editSchema } },
    (request) => {
      checkAccount(context, request, request.params.account);
      const { id } = findLiveTunnel(context, request, request.params.tunnel);
      return success(tunnelView(observeTunnel(context, tunnels.edit(id, request.body)), accountId));
    },
  );

  api.delete<{ Params: InTunnel; Querystring: { cascade: boolean } }>(
    `${base}/:tunnel`,
    { schema: { querystring: deleteSchema } },
    (request) => {
      checkAccount(context, request, request.params.account);
      const { id } = findLiveTunnel(context, request, request.params.tunnel);
      const isActive = registry.connections(id).some((connection) => !connection.draining);
      if (isActive && !request.query.cascade)
        throw refusal(
          400,
          refusalCode.tunnelActive,
          'Cannot delete tunnel because it has active connections. Run `cleanup` to remove them, or delete with cascade=true.',
        );
      const tunnel = tunnels.delete(id);
      registry.disconnect(id);
      return success(tunnelView({ tunnel, connections: [] }, accountId));
    },
  );

  api.get<{ Params: InTunnel }>(`${base}/:tunnel/token`, (request) => {
    checkAccount(context, request, request.params.account);
    return success(tokenOf(findLiveTunnel(context, request, request.params.tunnel), accountId));
  });

  api.get<{ Params: InTunnel }>(`${base}/:tunnel/connections`, (request) => {
    checkAccount(context, request, request.params.account);
    return onePage(connectorsOf(findTunnel(context, request, request.params.tunnel).id));
  });

  api.delete<{ Params: InTunnel; Querystring: { client_id?: string } }>(
    `${base}/:tunnel/connections`,
    { schema: { querystring: disconnectSchema } },
    (request) => {
      checkAccount(context, request, request.params.account);
      const tunnel = findTunnel(context, request, request.params.tunnel);
      registry.disconnect(tunnel.id, request.query.client_id);
      observeTunnel(context, tunnel);
      return success(null);
    },
  );

  api.get<{ Params: InTunnel & { connector: string } }>(`${base}/:tunnel/connectors/:connector`, (request) => {
    checkAccount(context, request, request.params.account);
    const { id } = findTunnel(context, request, request.params.tunnel);
    const wanted = request.params.connector.toLowerCase();
    const found = connectorsOf(id).find((connector) => connector.id.toLowerCase() === wanted);
    if (found === undefined) throw noRoute(pathOf(request));
    return success(found);
  });

  function connectorsOf(tunnelId: string) {
    const connections = registry.connections(tunnelId).filter((connection) => !connection.draining);
    return connectorViews(connections, store.configuration(tunnelId)?.version ?? 0);
  }
}
