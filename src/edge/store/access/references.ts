// Keeps Access objects from naming what does not exist, and from being deleted while something names them.
import { accessConflict, accessInvalid, groupNotLoaded } from './refusals.ts';
import { type RuleReference, type RuleSet, referencesOf } from './rules.ts';
import type { AccessTables } from './tables.ts';

/** Refuses rules that name a group, token or identity provider that is not there. */
export function checkReferences(tables: AccessTables, rules: RuleSet): void {
  for (const reference of referencesOf(rules)) checkReference(tables, reference);
}

/** Refuses a list of login methods with one that is not there. */
export function checkIdentityProviders(tables: AccessTables, ids: readonly string[]): void {
  for (const id of ids) checkReference(tables, { kind: 'identity_provider', id });
}

/** Refuses rules of a group that lead, through other groups, back to it. */
export function checkNoCycle(tables: AccessTables, groupId: string, rules: RuleSet): void {
  const seen = new Set<string>();
  const waiting: RuleSet[] = [rules];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    for (const { kind, id } of referencesOf(next)) {
      if (kind !== 'group' || seen.has(id)) continue;
      if (id === groupId) throw accessInvalid('a group cannot include itself');
      seen.add(id);
      const group = tables.groups.get(id);
      if (group !== undefined) waiting.push(group.fields);
    }
}

/** Refuses to let go of an object that a policy, a group or an application names. */
export function checkUnused(tables: AccessTables, wanted: RuleReference): void {
  const isNamed = (rules: RuleSet) =>
    referencesOf(rules).some((reference) => reference.kind === wanted.kind && reference.id === wanted.id);
  const isUsed =
    tables.policies.list().some((policy) => isNamed(policy.fields)) ||
    tables.groups.list().some((group) => isNamed(group.fields)) ||
    tables.apps.list().some((app) => app.fields.allowedIdps.includes(wanted.id));
  if (isUsed) throw accessConflict(`${wanted.kind.replace('_', ' ')} is in use`);
}

function checkReference(tables: AccessTables, { kind, id }: RuleReference): void {
  if (kind === 'group') {
    if (tables.groups.get(id) === undefined) throw groupNotLoaded();
  } else if (kind === 'service_token') {
    if (tables.serviceTokens.get(id) === undefined) throw accessInvalid('service token does not exist');
  } else if (tables.identityProviders.get(id) === undefined) throw accessInvalid('identity provider does not exist');
}
