// The account's Zero Trust organisation and its signing keys' rotation: without an organisation, Access is not enabled.
import { isoTime } from '../zones.ts';
import type { Stored } from './documents.ts';
import { checkGoDuration } from './go-duration.ts';
import { accessConflict, accessInvalid, accessNotEnabled } from './refusals.ts';
import type { AccessTables, KeptFields, KeysFields } from './tables.ts';

/** The one organisation. Everything that writes throws RefusedError and then has changed nothing. */
export interface OrganizationStore {
  /** RefusedError 403/9999 while there is none. */
  get(): Stored<KeptFields>;
  create(fields: KeptFields): Stored<KeptFields>;
  /** Absent fields stay. */
  change(fields: KeptFields): Stored<KeptFields>;
  keys(): KeysFields;
  /** How often the keys are to be changed (21 to 365 days). */
  setKeyInterval(days: number): KeysFields;
  rotateKeys(): KeysFields;
}

const defaultIntervalDays = 42;
const durations = ['session_duration', 'warp_auth_session_duration'] as const;
const onlyId = 'account';

/** The organisation on the tables. */
export function createOrganizationStore(tables: AccessTables): OrganizationStore {
  const { organizations, keys, clock, database } = tables;

  function get(): Stored<KeptFields> {
    const found = organizations.get(onlyId);
    if (found === undefined) throw accessNotEnabled();
    return found;
  }

  function checkTexts(fields: KeptFields): void {
    for (const name of ['name', 'auth_domain'])
      if (typeof fields[name] !== 'string' || fields[name].trim() === '') throw accessInvalid(`${name} is required`);
  }

  function create(fields: KeptFields): Stored<KeptFields> {
    return database.transact(() => {
      if (organizations.get(onlyId) !== undefined) throw accessConflict('an organization already exists');
      checkTexts(fields);
      checkDurations(fields);
      return organizations.insert(fields, onlyId);
    });
  }

  function change(fields: KeptFields): Stored<KeptFields> {
    return database.transact(() => {
      const current = get();
      checkTexts({ ...current.fields, ...fields });
      checkDurations(fields);
      return organizations.replace(current, { ...current.fields, ...fields });
    });
  }

  /** Made when first asked for: the keys are as old as that. */
  function storedKeys(): Stored<KeysFields> {
    return (
      keys.get(onlyId) ??
      keys.insert({ intervalDays: defaultIntervalDays, lastRotationAt: isoTime(clock.now()) }, onlyId)
    );
  }

  function changeKeys(fields: Partial<KeysFields>): KeysFields {
    return database.transact(() => {
      const current = storedKeys();
      return keys.replace(current, { ...current.fields, ...fields }).fields;
    });
  }

  return {
    get,
    create,
    change,
    keys: () => database.transact(storedKeys).fields,
    setKeyInterval: (intervalDays) => changeKeys({ intervalDays }),
    rotateKeys: () => changeKeys({ lastRotationAt: isoTime(clock.now()) }),
  };
}

function checkDurations(fields: KeptFields): void {
  for (const name of durations) {
    const value = fields[name];
    if (typeof value === 'string' && value !== 'no_expiry') checkGoDuration(value, name);
  }
}
