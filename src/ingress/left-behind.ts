// Rules that an instance of ours left behind when it died after their record was gone and before they were. Pure.
import type { IngressEntry } from '../model.ts';
import { entryKey } from './closing.ts';
import { formOf, hostnameOfKey, isSameForm, type Remembered } from './drift.ts';

/** What decides whether rules are ours still. */
export interface LeftBehindInput {
  readonly remembered: Remembered;
  /** Every rule in the tunnel by its hostname. */
  readonly present: ReadonlyMap<string, readonly IngressEntry['rule'][]>;
  /** Hostnames that have a record, whoever's: what leads there may be somebody's by now. */
  readonly recorded: ReadonlySet<string>;
}

/** Hostnames without a record whose rules are all just as we remember writing them. */
export function leftBehind({ remembered, present, recorded }: LeftBehindInput): readonly string[] {
  const names = new Set([...remembered.keys()].map(hostnameOfKey));
  return [...names].filter((hostname) => {
    const rules = present.get(hostname) ?? [];
    return rules.length > 0 && !recorded.has(hostname) && rules.every((rule) => isAsWritten(rule, remembered));
  });
}

function isAsWritten(rule: IngressEntry['rule'], remembered: Remembered): boolean {
  const key = entryKey({ serviceId: 'tunnel/rule', plugin: '', rule, access: 'public', explicit: false });
  return remembered.get(key)?.written.some((form) => isSameForm(form, formOf(rule))) === true;
}
