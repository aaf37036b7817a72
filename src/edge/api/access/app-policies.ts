// /accounts/:account/access/apps/:app/policies: the policies of one application.
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { type AppPolicyBody, appPolicyInput, appPolicySchema } from './input.ts';
import { placedPolicyView } from './policy-view.ts';
import { accepted, listSchema } from './route.ts';

interface InApp {
  app: string;
}

interface InPolicy extends InApp {
  policy: string;
}

const base = '/accounts/:account/access/apps/:app/policies';

/** Registers the routes of an application's policies. */
export function addAppPolicyRoutes(api: Api, context: ApiContext): void {
  const { apps, appPolicies } = context.store.access;
  const body = { schema: { body: { ...appPolicySchema, required: ['name', 'decision', 'include'] } } };

  api.get<{ Params: InApp; Querystring: PageQuery }>(base, { schema: listSchema() }, ({ params, query }) =>
    paged(appPolicies.list(apps.get(params.app)), query, placedPolicyView),
  );
  api.post<{ Params: InApp; Body: AppPolicyBody }>(base, body, (request, reply) => {
    const input = { ...appPolicyInput(request.body), id: undefined };
    reply.code(201);
    return success(placedPolicyView(appPolicies.create(apps.get(request.params.app), input)));
  });
  api.get<{ Params: InPolicy }>(`${base}/:policy`, ({ params }) =>
    success(placedPolicyView(appPolicies.get(apps.get(params.app), params.policy))),
  );
  api.put<{ Params: InPolicy; Body: AppPolicyBody }>(`${base}/:policy`, body, ({ params, body: sent }) =>
    success(placedPolicyView(appPolicies.replace(apps.get(params.app), params.policy, appPolicyInput(sent)))),
  );
  api.put<{ Params: InPolicy }>(`${base}/:policy/make_reusable`, ({ params }) =>
    success(placedPolicyView(appPolicies.makeReusable(apps.get(params.app), params.policy))),
  );
  api.delete<{ Params: InPolicy }>(`${base}/:policy`, ({ params }, reply) => {
    appPolicies.delete(apps.get(params.app), params.policy);
    return accepted(reply, { id: params.policy });
  });
}
