// /accounts/:account/access/policies: reusable policies.
import type { StoredPolicy } from '../../store/access/policies.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { type PolicyBody, policyInput, policySchema } from './input.ts';
import { policyView } from './policy-view.ts';
import { accepted, listSchema } from './route.ts';

interface InPolicy {
  policy: string;
}

const base = '/accounts/:account/access/policies';

/** Registers the routes of reusable policies. */
export function addPolicyRoutes(api: Api, context: ApiContext): void {
  const { policies } = context.store.access;
  const body = { schema: { body: policySchema } };
  const viewer = () => {
    const counts = policies.appCounts();
    return (policy: StoredPolicy) => ({ ...policyView(policy), app_count: counts.get(policy.id) ?? 0 });
  };

  api.get<{ Querystring: PageQuery }>(base, { schema: listSchema() }, ({ query }) =>
    paged(
      context.arrange(policies.list(), (one) => one),
      query,
      viewer(),
    ),
  );
  api.post<{ Body: PolicyBody }>(base, body, (request, reply) => {
    reply.code(201);
    return success(viewer()(policies.create(policyInput(request.body))));
  });
  api.get<{ Params: InPolicy }>(`${base}/:policy`, ({ params }) => success(viewer()(policies.get(params.policy))));
  api.put<{ Params: InPolicy; Body: PolicyBody }>(`${base}/:policy`, body, (request) =>
    success(viewer()(policies.replace(request.params.policy, policyInput(request.body)))),
  );
  api.delete<{ Params: InPolicy }>(`${base}/:policy`, ({ params }, reply) => {
    policies.delete(params.policy);
    return accepted(reply, { id: params.policy });
  });
}
