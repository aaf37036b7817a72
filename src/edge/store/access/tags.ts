// Tags of Access applications in the edge's database; a tag has to exist before an application can carry it.
import type { Stored } from './documents.ts';
import { accessConflict, accessInvalid, accessNotFound } from './refusals.ts';
import { type AccessTables, countEach } from './tables.ts';

/** A tag as stored; its id is its name. */
export type StoredTag = Stored<Readonly<Record<string, never>>>;

/** Tags. Everything that writes throws RefusedError and then has changed nothing. */
export interface TagStore {
  list(): readonly StoredTag[];
  get(name: string): StoredTag;
  create(name: string): StoredTag;
  /** The applications that carry it follow. */
  rename(name: string, wanted: string): StoredTag;
  /** RefusedError 409 while an application carries it. */
  delete(name: string): void;
  /** How many applications carry each; those that none carries are missing. */
  appCounts(): ReadonlyMap<string, number>;
}

const maxNameLength = 35;

/** Tags on the tables. */
export function createTagStore(tables: AccessTables): TagStore {
  const { tags, apps, database } = tables;

  function get(name: string): StoredTag {
    const tag = tags.get(name);
    if (tag === undefined) throw accessNotFound();
    return tag;
  }

  function create(name: string): StoredTag {
    const clean = name.trim();
    if (clean === '' || clean.length > maxNameLength)
      throw accessInvalid(`a tag's name needs 1 to ${maxNameLength} characters`);
    return database.transact(() => {
      if (tags.get(clean) !== undefined) throw accessConflict('a tag with this name already exists');
      return tags.insert({}, clean);
    });
  }

  function appCounts(): ReadonlyMap<string, number> {
    return countEach(apps.list().flatMap((app) => app.fields.tags));
  }

  function rename(name: string, wanted: string): StoredTag {
    return database.transact(() => {
      const current = get(name);
      if (wanted.trim() === name) return current;
      const renamed = create(wanted);
      for (const app of apps.list())
        if (app.fields.tags.includes(name)) {
          const others = app.fields.tags.map((tag) => (tag === name ? renamed.id : tag));
          apps.replace(app, { ...app.fields, tags: others });
        }
      tags.delete(name);
      return renamed;
    });
  }

  return {
    list: tags.list,
    get,
    create,
    rename,
    delete: (name) =>
      database.transact(() => {
        get(name);
        if (appCounts().has(name)) throw accessConflict('tag is in use by an application');
        tags.delete(name);
      }),
    appCounts,
  };
}
