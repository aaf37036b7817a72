// /accounts/:account/access/apps/:app/ca: the keys behind short-lived SSH certificates.
import type { SshCa } from '../../store/access/ssh-ca.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { accepted, listSchema } from './route.ts';

interface InApp {
  app: string;
}

/** Registers the routes of SSH certificate authorities. */
export function addSshCaRoutes(api: Api, context: ApiContext): void {
  const { apps, sshCas } = context.store.access;
  const base = '/accounts/:account/access/apps';
  const view = (ca: SshCa) => ({ id: ca.id, aud: apps.get(ca.appId).fields.aud, public_key: ca.publicKey });

  api.get<{ Querystring: PageQuery }>(`${base}/ca`, { schema: listSchema() }, ({ query }) =>
    paged(sshCas.list(), query, view),
  );
  api.get<{ Params: InApp }>(`${base}/:app/ca`, ({ params }) => success(view(sshCas.get(apps.get(params.app).id))));
  api.post<{ Params: InApp }>(`${base}/:app/ca`, ({ params }) => success(view(sshCas.create(apps.get(params.app).id))));
  api.delete<{ Params: InApp }>(`${base}/:app/ca`, ({ params }, reply) =>
    accepted(reply, { id: sshCas.delete(apps.get(params.app).id).id }),
  );
}
