// Access applications and the tags on them.
import type { ApplicationCreateParams } from 'cloudflare/resources/zero-trust/access/applications/applications';
import { type Schema, schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** An application as the API knows it; what we do not name is somebody's and is carried along. */
export interface ApiAccessApplication {
  readonly id: string;
  readonly name?: string;
  readonly type?: string;
  readonly domain?: string;
  /** What its tokens are for; an SSH authority names its application by it. */
  readonly aud?: string;
  /** Everything it guards, in the older and the newer form. */
  readonly self_hosted_domains?: readonly string[] | null;
  readonly destinations?: readonly ApiDestination[] | null;
  readonly policies?: readonly ApiApplicationPolicy[] | null;
  readonly tags?: readonly string[] | null;
  readonly [key: string]: unknown;
}

/** One thing an application guards. */
export interface ApiDestination {
  readonly type?: string;
  readonly uri?: string;
  readonly [key: string]: unknown;
}

/** A policy of an application, shared or its own. */
export interface ApiApplicationPolicy {
  readonly id?: string;
  readonly [key: string]: unknown;
}

/** What we write of an application; the whole of it is replaced at once. */
export interface ApplicationFields {
  readonly type: 'self_hosted';
  readonly name: string;
  readonly domain: string;
  readonly destinations: readonly { readonly type: 'public'; readonly uri: string }[];
  /** Never empty. */
  readonly policies: readonly { readonly id: string; readonly precedence: number }[];
  readonly tags: readonly string[];
  readonly [key: string]: unknown;
}

const permission = 'Account > Access: Apps and Policies > Edit';

const applicationObject = {
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 64 },
    name: { type: 'string' },
    type: { type: 'string' },
    domain: { type: 'string' },
    aud: { type: 'string' },
    self_hosted_domains: { type: 'array', nullable: true, items: { type: 'string' } },
    destinations: {
      type: 'array',
      nullable: true,
      items: { type: 'object', properties: { type: { type: 'string' }, uri: { type: 'string' } } },
    },
    policies: {
      type: 'array',
      nullable: true,
      items: { type: 'object', properties: { id: { type: 'string' } } },
    },
    tags: { type: 'array', nullable: true, items: { type: 'string' } },
  },
};
const applicationSchema = schemaOf<ApiAccessApplication>(applicationObject);
const applicationsSchema = schemaOf<readonly ApiAccessApplication[]>({ type: 'array', items: applicationObject });
const tagsSchema = schemaOf<readonly { readonly name: string }[]>({
  type: 'array',
  items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
});
const anything: Schema<unknown> = { schema: {} };

/** The account's applications of every kind. */
export function listApplications(
  caller: Caller,
  account: string,
  signal: AbortSignal,
): Promise<readonly ApiAccessApplication[]> {
  return caller.list(
    {
      what: 'listing Access applications',
      permission,
      schema: applicationsSchema,
      perPage: 100,
      send: (sdk, paging, options) =>
        sdk.zeroTrust.access.applications.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** Makes an application, its policies with it: there is no moment without them. */
export function createApplication(
  caller: Caller,
  account: string,
  fields: ApplicationFields,
  signal: AbortSignal,
): Promise<ApiAccessApplication> {
  return caller.call(
    {
      what: `creating the Access application for ${fields.domain}`,
      permission,
      schema: applicationSchema,
      send: (sdk, options) => sdk.zeroTrust.access.applications.create(params(account, fields), options),
    },
    signal,
  );
}

/** Replaces an application as a whole. */
export function updateApplication(
  caller: Caller,
  target: { readonly account: string; readonly id: string },
  fields: ApplicationFields,
  signal: AbortSignal,
): Promise<ApiAccessApplication> {
  return caller.call(
    {
      what: `changing the Access application for ${fields.domain}`,
      permission,
      schema: applicationSchema,
      send: (sdk, options) =>
        sdk.zeroTrust.access.applications.update(target.id, params(target.account, fields), options),
    },
    signal,
  );
}

/** Deletes an application. */
export async function deleteApplication(
  caller: Caller,
  account: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  await caller.call(
    {
      what: `deleting Access application ${id}`,
      permission,
      schema: anything,
      send: (sdk, options) => sdk.zeroTrust.access.applications.delete(id, { account_id: account }, options),
    },
    signal,
  );
}

/** The names of the account's tags. */
export async function listTags(caller: Caller, account: string, signal: AbortSignal): Promise<readonly string[]> {
  const tags = await caller.list(
    {
      what: 'listing Access tags',
      permission,
      schema: tagsSchema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.access.tags.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
  return tags.map(({ name }) => name);
}

/** Makes a tag; applications can only carry tags that exist. */
export async function createTag(caller: Caller, account: string, name: string, signal: AbortSignal): Promise<void> {
  await caller.call(
    {
      what: `creating Access tag "${name}"`,
      permission,
      schema: anything,
      send: (sdk, options) => sdk.zeroTrust.access.tags.create({ account_id: account, name }, options),
    },
    signal,
  );
}

/** Fields we carry along are the API's own, so they have the types it takes. */
function params(account: string, fields: ApplicationFields): ApplicationCreateParams {
  return { ...fields, account_id: account } as unknown as ApplicationCreateParams;
}
