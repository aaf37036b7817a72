// Access policies in the edge's database: reusable ones, and those that belong to one application.
import type { Stored } from './documents.ts';
import { checkGoDuration } from './go-duration.ts';
import { checkReferences } from './references.ts';
import { accessConflict, accessInvalid, accessNotFound } from './refusals.ts';
import { checkRuleSet, type RuleSetInput } from './rules.ts';
import { type AccessTables, countEach, type Decision, type KeptFields, type PolicyFields } from './tables.ts';

/** A policy as stored. */
export type StoredPolicy = Stored<PolicyFields>;

/** What a client sends to make or overwrite a policy; shapes are checked, meaning is not. */
export interface PolicyInput extends RuleSetInput {
  readonly name: string;
  readonly decision: Decision;
  readonly session_duration?: string | null;
  readonly kept: KeptFields;
}

/** Reusable policies. Everything that writes throws RefusedError and then has changed nothing. */
export interface PolicyStore {
  list(): readonly StoredPolicy[];
  /** RefusedError 404 when there is none, or when it belongs to one application. */
  get(id: string): StoredPolicy;
  create(input: PolicyInput): StoredPolicy;
  replace(id: string, input: PolicyInput): StoredPolicy;
  /** RefusedError 409 while an application uses it. */
  delete(id: string): void;
  /** How many applications use each; those that none uses are missing. */
  appCounts(): ReadonlyMap<string, number>;
}

/** The fields as they are stored, every reference checked. */
export function checkPolicy(tables: AccessTables, input: PolicyInput, appId: string | null): PolicyFields {
  const name = input.name.trim();
  if (name === '') throw accessInvalid('policy name is required');
  const rules = checkRuleSet(input);
  checkReferences(tables, rules);
  const { session_duration: duration = null } = input;
  return {
    name,
    decision: input.decision,
    appId,
    sessionDuration: duration === null ? null : checkGoDuration(duration, 'session_duration'),
    ...rules,
    kept: input.kept,
  };
}

/** Reusable policies on the tables. */
export function createPolicyStore(tables: AccessTables): PolicyStore {
  const { policies, apps } = tables;

  function get(id: string): StoredPolicy {
    const policy = policies.get(id);
    if (policy === undefined || policy.fields.appId !== null) throw accessNotFound();
    return policy;
  }

  function appCounts(): ReadonlyMap<string, number> {
    return countEach(apps.list().flatMap((app) => app.fields.policies.map((link) => link.id)));
  }

  return {
    list: () => policies.list().filter((policy) => policy.fields.appId === null),
    get,
    create: (input) => tables.database.transact(() => policies.insert(checkPolicy(tables, input, null))),
    replace: (id, input) => tables.database.transact(() => policies.replace(get(id), checkPolicy(tables, input, null))),
    delete: (id) =>
      tables.database.transact(() => {
        get(id);
        if (appCounts().has(id)) throw accessConflict('policy is in use by an application');
        policies.delete(id);
      }),
    appCounts,
  };
}
