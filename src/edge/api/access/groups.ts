// /accounts/:account/access/groups: named rules.
import type { GroupInput, StoredGroup } from '../../store/access/groups.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { flag, ruleList, shortText } from './input.ts';
import { accepted, isFound, listSchema } from './route.ts';

interface InGroup {
  group: string;
}

interface GroupQuery extends PageQuery {
  readonly name?: string;
  readonly search?: string;
}

const base = '/accounts/:account/access/groups';
const bodySchema = {
  type: 'object',
  required: ['name', 'include'],
  properties: {
    name: shortText,
    include: { ...ruleList, nullable: false },
    exclude: ruleList,
    require: ruleList,
    is_default: flag,
  },
};

/** Registers the routes of groups. */
export function addGroupRoutes(api: Api, context: ApiContext): void {
  const { groups } = context.store.access;
  const body = { schema: { body: bodySchema } };
  const query = listSchema({ name: shortText, search: shortText });

  api.get<{ Querystring: GroupQuery }>(base, { schema: query }, (request) => {
    const { name, search } = request.query;
    const found = groups
      .list()
      .filter(({ fields }) => (name === undefined || fields.name === name) && isFound(search, fields.name));
    return paged(
      context.arrange(found, (one) => one),
      request.query,
      groupView,
    );
  });
  api.post<{ Body: GroupInput }>(base, body, (request, reply) => {
    reply.code(201);
    return success(groupView(groups.create(request.body)));
  });
  api.get<{ Params: InGroup }>(`${base}/:group`, ({ params }) => success(groupView(groups.get(params.group))));
  api.put<{ Params: InGroup; Body: GroupInput }>(`${base}/:group`, body, (request) =>
    success(groupView(groups.replace(request.params.group, request.body))),
  );
  api.delete<{ Params: InGroup }>(`${base}/:group`, ({ params }, reply) => {
    groups.delete(params.group);
    return accepted(reply, { id: params.group });
  });
}

function groupView({ id, fields, createdAt, updatedAt }: StoredGroup) {
  return {
    id,
    uid: id,
    name: fields.name,
    include: fields.include,
    exclude: fields.exclude,
    require: fields.require,
    is_default: fields.isDefault,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}
