// Which changed settings apply at once and which wait for a restart, as the schema's `x-reload` says. Pure.
import type { SettingsFile } from './settings.ts';

/** How a changed key takes effect. */
export type ReloadClass = 'hot' | 'connector' | 'process';

/** A schema as far as this file looks. */
interface ReloadSchema {
  readonly 'x-reload'?: string;
  readonly properties?: Readonly<Record<string, object>>;
}

/** A key that differs, and how it takes effect. */
export interface ChangedKey {
  readonly key: string;
  readonly reload: ReloadClass;
}

/** The top-level keys that differ between two settings, each with its class from the schema; where parts of one differ in class, those parts. */
export function changedKeys(before: SettingsFile, after: SettingsFile, schema: ReloadSchema): readonly ChangedKey[] {
  return changed({ ...before }, { ...after }, schema, '');
}

function changed(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  schema: ReloadSchema,
  at: string,
): readonly ChangedKey[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .flatMap((key): readonly ChangedKey[] => {
      const child: ReloadSchema = { 'x-reload': schema['x-reload'] ?? 'process', ...schema.properties?.[key] };
      const isSplit = Object.values(child.properties ?? {}).some((part) => 'x-reload' in part);
      if (isSplit) return changed(fieldsOf(before[key]), fieldsOf(after[key]), child, `${at}${key}.`);
      return [{ key: at + key, reload: child['x-reload'] as ReloadClass }];
    });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
