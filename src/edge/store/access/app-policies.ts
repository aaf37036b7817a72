// Which policies an application has, in which order: references to reusable ones, and policies of its own.
import type { Stored } from './documents.ts';
import { checkPolicy, type PolicyInput, type StoredPolicy } from './policies.ts';
import { accessInvalid, accessNotFound } from './refusals.ts';
import type { AccessTables, AppFields, PolicyLink } from './tables.ts';

/** A policy as an application's `policies` may hold it: a reference, or a policy of its own to make or overwrite. */
export interface AppPolicyInput {
  readonly id?: string | undefined;
  readonly precedence?: number | undefined;
  readonly own?: PolicyInput | undefined;
}

/** A policy with its place in an application. */
export interface PlacedPolicy {
  readonly policy: StoredPolicy;
  readonly precedence: number;
}

/** The policies of one application, one at a time. Everything that writes throws RefusedError and then has changed nothing. */
export interface AppPolicyStore {
  /** Lowest precedence first. */
  list(app: Stored<AppFields>): readonly PlacedPolicy[];
  /** RefusedError 404 when the application has none of that id. */
  get(app: Stored<AppFields>, policyId: string): PlacedPolicy;
  /** Makes a policy of its own; last when it names no precedence. */
  create(app: Stored<AppFields>, input: AppPolicyInput): PlacedPolicy;
  /** RefusedError 400 for a reusable one. */
  replace(app: Stored<AppFields>, policyId: string, input: AppPolicyInput): PlacedPolicy;
  delete(app: Stored<AppFields>, policyId: string): void;
  /** Turns a policy of its own into a reusable one. */
  makeReusable(app: Stored<AppFields>, policyId: string): PlacedPolicy;
}

/** Makes `inputs` the whole list of an application's policies: makes, overwrites and deletes its own, and returns the links. */
export function linkPolicies(
  tables: AccessTables,
  app: { readonly id: string; readonly links: readonly PolicyLink[] },
  inputs: readonly AppPolicyInput[],
): readonly PolicyLink[] {
  const links = inputs.map((input, index) => ({
    id: policyOf(tables, app.id, input).id,
    precedence: input.precedence ?? index + 1,
  }));
  for (const { id } of app.links) if (!links.some((link) => link.id === id)) deleteOwn(tables, id);
  return checkLinks(links);
}

/** Deletes a policy that belongs to an application; reusable ones stay. */
export function deleteOwn(tables: AccessTables, policyId: string): void {
  if (tables.policies.get(policyId)?.fields.appId !== null) tables.policies.delete(policyId);
}

/** Policies of applications on the tables. */
export function createAppPolicyStore(tables: AccessTables): AppPolicyStore {
  const { database, policies, apps } = tables;

  function list(app: Stored<AppFields>): readonly PlacedPolicy[] {
    return app.fields.policies.flatMap(({ id, precedence }) => {
      const policy = policies.get(id);
      return policy === undefined ? [] : [{ policy, precedence }];
    });
  }

  function get(app: Stored<AppFields>, policyId: string): PlacedPolicy {
    const found = list(app).find(({ policy }) => policy.id === policyId);
    if (found === undefined) throw accessNotFound();
    return found;
  }

  function own(app: Stored<AppFields>, policyId: string): PlacedPolicy {
    const found = get(app, policyId);
    if (found.policy.fields.appId === null)
      throw accessInvalid('reusable policies can only be changed through /access/policies');
    return found;
  }

  function place(app: Stored<AppFields>, links: readonly PolicyLink[]): void {
    apps.replace(app, { ...app.fields, policies: checkLinks(links) });
  }

  function create(app: Stored<AppFields>, input: AppPolicyInput): PlacedPolicy {
    return database.transact(() => {
      const policy = policyOf(tables, app.id, input);
      const last = Math.max(0, ...app.fields.policies.map((link) => link.precedence));
      const precedence = input.precedence ?? last + 1;
      place(app, [...app.fields.policies, { id: policy.id, precedence }]);
      return { policy, precedence };
    });
  }

  function replace(app: Stored<AppFields>, policyId: string, input: AppPolicyInput): PlacedPolicy {
    return database.transact(() => {
      const current = own(app, policyId);
      const policy = policyOf(tables, app.id, { ...input, id: policyId });
      const precedence = input.precedence ?? current.precedence;
      place(app, [...app.fields.policies.filter((link) => link.id !== policyId), { id: policyId, precedence }]);
      return { policy, precedence };
    });
  }

  function remove(app: Stored<AppFields>, policyId: string): void {
    database.transact(() => {
      own(app, policyId);
      place(
        app,
        app.fields.policies.filter((link) => link.id !== policyId),
      );
      policies.delete(policyId);
    });
  }

  function makeReusable(app: Stored<AppFields>, policyId: string): PlacedPolicy {
    const { policy, precedence } = own(app, policyId);
    return { policy: policies.replace(policy, { ...policy.fields, appId: null }), precedence };
  }

  return { list, get, create, replace, delete: remove, makeReusable };
}

/** The policy an input means: found, overwritten or made. */
function policyOf(tables: AccessTables, appId: string, input: AppPolicyInput): StoredPolicy {
  const { policies } = tables;
  if (input.id === undefined) {
    if (input.own === undefined) throw accessInvalid('a policy needs an id, or a name, a decision and include');
    return policies.insert(checkPolicy(tables, input.own, appId));
  }
  const policy = policies.get(input.id);
  const isReachable = policy !== undefined && (policy.fields.appId === null || policy.fields.appId === appId);
  if (!isReachable) throw accessInvalid('policy does not exist');
  // The fields of a reusable policy are shown in applications, and come back with them; they are changed elsewhere.
  if (input.own === undefined || policy.fields.appId === null) return policy;
  return policies.replace(policy, checkPolicy(tables, input.own, appId));
}

function checkLinks(links: readonly PolicyLink[]): readonly PolicyLink[] {
  if (new Set(links.map((link) => link.precedence)).size !== links.length)
    throw accessInvalid('policy precedences must be unique');
  if (new Set(links.map((link) => link.id)).size !== links.length) throw accessInvalid('policies must be unique');
  return links.toSorted((a, b) => a.precedence - b.precedence);
}
