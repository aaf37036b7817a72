// /accounts/:account/access/tags: names that applications can carry.
import type { StoredTag } from '../../store/access/tags.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { shortText } from './input.ts';
import { accepted, listSchema } from './route.ts';

interface InTag {
  tag: string;
}

const base = '/accounts/:account/access/tags';
const bodySchema = { type: 'object', required: ['name'], properties: { name: shortText } };

/** Registers the routes of tags. */
export function addTagRoutes(api: Api, context: ApiContext): void {
  const { tags } = context.store.access;
  const body = { schema: { body: bodySchema } };
  const viewer = () => {
    const counts = tags.appCounts();
    return ({ id, createdAt, updatedAt }: StoredTag) => ({
      name: id,
      app_count: counts.get(id) ?? 0,
      created_at: createdAt,
      updated_at: updatedAt,
    });
  };

  api.get<{ Querystring: PageQuery }>(base, { schema: listSchema() }, ({ query }) =>
    paged(
      context.arrange(tags.list(), (one) => one),
      query,
      viewer(),
    ),
  );
  api.post<{ Body: { name: string } }>(base, body, (request, reply) => {
    reply.code(201);
    return success(viewer()(tags.create(request.body.name)));
  });
  api.get<{ Params: InTag }>(`${base}/:tag`, ({ params }) => success(viewer()(tags.get(params.tag))));
  api.put<{ Params: InTag; Body: { name: string } }>(`${base}/:tag`, body, (request) =>
    success(viewer()(tags.rename(request.params.tag, request.body.name))),
  );
  api.delete<{ Params: InTag }>(`${base}/:tag`, ({ params }, reply) => {
    tags.delete(params.tag);
    return accepted(reply, { name: params.tag });
  });
}
