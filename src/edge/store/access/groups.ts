// Access groups in the edge's database: named rules that policies and other groups refer to.
import { randomUUID } from 'node:crypto';
import type { Stored } from './documents.ts';
import { checkNoCycle, checkReferences, checkUnused } from './references.ts';
import { accessInvalid, accessNotFound } from './refusals.ts';
import { checkRuleSet, type RuleSetInput } from './rules.ts';
import type { AccessTables, GroupFields } from './tables.ts';

/** A group as stored. */
export type StoredGroup = Stored<GroupFields>;

/** What a client sends to make or overwrite a group. */
export interface GroupInput extends RuleSetInput {
  readonly name: string;
  readonly is_default?: boolean;
}

/** Groups. Everything that writes throws RefusedError and then has changed nothing. */
export interface GroupStore {
  list(): readonly StoredGroup[];
  get(id: string): StoredGroup;
  create(input: GroupInput): StoredGroup;
  replace(id: string, input: GroupInput): StoredGroup;
  /** RefusedError 409 while a policy or another group names it. */
  delete(id: string): void;
}

/** Groups on the tables. */
export function createGroupStore(tables: AccessTables): GroupStore {
  const { groups, database } = tables;

  function get(id: string): StoredGroup {
    const group = groups.get(id);
    if (group === undefined) throw accessNotFound();
    return group;
  }

  function checked(input: GroupInput, id: string): GroupFields {
    const name = input.name.trim();
    if (name === '') throw accessInvalid('group name is required');
    const rules = checkRuleSet(input);
    checkReferences(tables, rules);
    checkNoCycle(tables, id, rules);
    return { name, isDefault: input.is_default ?? false, ...rules };
  }

  return {
    list: groups.list,
    get,
    create: (input) =>
      database.transact(() => {
        const id = randomUUID();
        return groups.insert(checked(input, id), id);
      }),
    replace: (id, input) => database.transact(() => groups.replace(get(id), checked(input, id))),
    delete: (id) =>
      database.transact(() => {
        get(id);
        checkUnused(tables, { kind: 'group', id });
        groups.delete(id);
      }),
  };
}
