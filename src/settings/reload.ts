// Which changed settings apply at once and which wait for a restart, as the schema's `x-reload` says. Pure.
import type { SettingsFile } from './settings.ts';

/** How a changed key takes effect. */
export type ReloadClass = 'hot' | 'connector' | 'process';

/** The top-level keys that differ between two settings, each with its class from the schema. */
export function changedKeys(
  before: SettingsFile,
  after: SettingsFile,
  schema: { readonly properties: Readonly<Record<string, { readonly 'x-reload'?: string }>> },
): { readonly key: string; readonly reload: ReloadClass }[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof SettingsFile>;
  return [...keys]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => ({ key, reload: (schema.properties[key]?.['x-reload'] ?? 'process') as ReloadClass }));
}
