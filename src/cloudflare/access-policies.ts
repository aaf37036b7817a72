// Reusable Access policies.
import type { PolicyCreateParams } from 'cloudflare/resources/zero-trust/access/policies';
import { type Schema, schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** One condition: a selector and what it needs. */
export type ApiAccessRule = Readonly<Record<string, unknown>>;

/** A reusable policy as the API knows it; what we do not name is carried along. */
export interface ApiAccessPolicy {
  readonly id: string;
  readonly name?: string;
  readonly decision?: string;
  readonly include?: readonly ApiAccessRule[] | null;
  readonly require?: readonly ApiAccessRule[] | null;
  readonly exclude?: readonly ApiAccessRule[] | null;
  /** A Go duration. */
  readonly session_duration?: string | null;
  /** How many applications use it. */
  readonly app_count?: number;
  readonly [key: string]: unknown;
}

/** What we write of a policy; the whole of it is replaced at once. */
export interface PolicyFields {
  readonly name: string;
  readonly decision: string;
  readonly include: readonly ApiAccessRule[];
  readonly require: readonly ApiAccessRule[];
  readonly exclude: readonly ApiAccessRule[];
  readonly session_duration?: string;
  readonly [key: string]: unknown;
}

const permission = 'Account > Access: Apps and Policies > Edit';

const rules = { type: 'array', nullable: true, items: { type: 'object' } };
const policyObject = {
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 64 },
    name: { type: 'string' },
    decision: { type: 'string' },
    include: rules,
    require: rules,
    exclude: rules,
    session_duration: { type: 'string', nullable: true },
    app_count: { type: 'number' },
  },
};
const policySchema = schemaOf<ApiAccessPolicy>(policyObject);
const policiesSchema = schemaOf<readonly ApiAccessPolicy[]>({ type: 'array', items: policyObject });
const anything: Schema<unknown> = { schema: {} };

/** The account's reusable policies. */
export function listPolicies(
  caller: Caller,
  account: string,
  signal: AbortSignal,
): Promise<readonly ApiAccessPolicy[]> {
  return caller.list(
    {
      what: 'listing Access policies',
      permission,
      schema: policiesSchema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.access.policies.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** Makes a policy. */
export function createPolicy(
  caller: Caller,
  account: string,
  fields: PolicyFields,
  signal: AbortSignal,
): Promise<ApiAccessPolicy> {
  return caller.call(
    {
      what: `creating Access policy "${fields.name}"`,
      permission,
      schema: policySchema,
      send: (sdk, options) => sdk.zeroTrust.access.policies.create(params(account, fields), options),
    },
    signal,
  );
}

/** Replaces a policy as a whole, for every application that uses it. */
export function updatePolicy(
  caller: Caller,
  target: { readonly account: string; readonly id: string },
  fields: PolicyFields,
  signal: AbortSignal,
): Promise<ApiAccessPolicy> {
  return caller.call(
    {
      what: `changing Access policy "${fields.name}"`,
      permission,
      schema: policySchema,
      send: (sdk, options) => sdk.zeroTrust.access.policies.update(target.id, params(target.account, fields), options),
    },
    signal,
  );
}

/** Deletes a policy. */
export async function deletePolicy(caller: Caller, account: string, id: string, signal: AbortSignal): Promise<void> {
  await caller.call(
    {
      what: `deleting Access policy ${id}`,
      permission,
      schema: anything,
      send: (sdk, options) => sdk.zeroTrust.access.policies.delete(id, { account_id: account }, options),
    },
    signal,
  );
}

/** The SDK names every selector and decision there is; ours are among them. */
function params(account: string, fields: PolicyFields): PolicyCreateParams {
  return { ...fields, account_id: account } as unknown as PolicyCreateParams;
}
