// One check along the path from a visitor to a service, and its outcome. Pure.

/** Where along the path, in the order a request takes it; `settings`, `sources` and `api` come before any path. */
export const steps = [
  'settings',
  'sources',
  'api',
  'service',
  'visitor',
  'edge',
  'dns',
  'access',
  'rule',
  'connector',
  'origin',
] as const;

/** One of `steps`. */
export type Step = (typeof steps)[number];

/** What a check found. */
export interface Check {
  readonly step: Step;
  /** The hostname or service it is about; absent for what concerns everything. */
  readonly about?: string;
  /** `skipped`: could not be tried, and why. */
  readonly outcome: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
}

/** Everything is well here. */
export function passed(step: Step, message: string): Check {
  return { step, outcome: 'ok', message };
}

/** This is where the path breaks. */
export function failed(step: Step, message: string, hint?: string): Check {
  return { step, outcome: 'failed', message, ...(hint === undefined ? {} : { hint }) };
}

/** It works, but not as one would wish. */
export function warned(step: Step, message: string, hint?: string): Check {
  return { step, outcome: 'warning', message, ...(hint === undefined ? {} : { hint }) };
}

/** It could not be tried. */
export function skipped(step: Step, message: string): Check {
  return { step, outcome: 'skipped', message };
}

/** The first failure nearest the origin: what is broken there makes everything before it look broken too. */
export function rootCause(checks: readonly Check[]): Check | undefined {
  return checks
    .filter((check) => check.outcome === 'failed')
    .toSorted((a, b) => depth(b) - depth(a))
    .at(0);
}

/** `visitor` only sees what others broke. */
const causes: readonly Step[] = [
  'visitor',
  'edge',
  'origin',
  'rule',
  'connector',
  'dns',
  'access',
  'service',
  'api',
  'sources',
  'settings',
];

function depth(check: Check): number {
  return causes.indexOf(check.step);
}
