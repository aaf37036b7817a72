// What an app's answer means: the rules of its plugin against what a probe got, and those of any web service after them. Pure.
import type { DiagnoseRule, PluginManifest } from './catalogue.ts';
import type { Finding } from './findings.ts';
import { fillIn } from './notes.ts';

/** An answer to a request that was made as a visitor's reaches the app: with its hostname and the headers the edge adds. */
export interface Answer {
  /** What was asked for; default `/`. */
  readonly path?: string;
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As much of it as was read; only the beginning is looked at. */
  readonly body: string;
}

/** A finding, and the rule that made it. */
export interface AppFinding extends Finding {
  readonly plugin: string;
  /** The rule's code: `untrusted-proxy`. */
  readonly rule: string;
}

/** How much of an answer is looked at, in characters; a probe need not read more. */
export const answerLimit = 16 * 1024;
const headerLimit = 4 * 1024;
const maxPaths = 4;

/** What this answer means by the rules of these plugins, the app's own first; a code that was found is not looked for again. */
export function diagnoseAnswer(
  manifests: readonly PluginManifest[],
  answer: Answer,
  hostname: string,
): readonly AppFinding[] {
  const body = answer.body.slice(0, answerLimit).toLowerCase();
  const found = new Map<string, AppFinding>();
  for (const { id, diagnose = [] } of manifests) {
    for (const rule of diagnose) {
      if (!found.has(rule.code) && holds(rule, answer, body)) found.set(rule.code, finding(id, rule, hostname));
    }
  }
  return [...found.values()];
}

/** The paths worth asking for, the first of them always `/`. */
export function probePaths(manifest: PluginManifest): readonly string[] {
  const paths = (manifest.diagnose ?? []).map(({ when }) => when.path ?? '/');
  const health = manifest.service?.health?.path;
  return [...new Set(['/', ...paths, ...(health === undefined ? [] : [health])])].slice(0, maxPaths);
}

function holds({ when }: DiagnoseRule, answer: Answer, body: string): boolean {
  if ((when.path ?? '/') !== (answer.path ?? '/')) return false;
  if (when.status !== undefined && !when.status.includes(answer.status)) return false;
  if (when.body !== undefined && !when.body.some((text) => body.includes(text.toLowerCase()))) return false;
  return Object.entries(when.headers ?? {}).every(([name, text]) => hasHeader(answer, name, text));
}

function hasHeader({ headers }: Answer, name: string, text: string): boolean {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  const written = typeof value === 'string' ? value : (value ?? []).join(', ');
  return value !== undefined && written.slice(0, headerLimit).toLowerCase().includes(text.toLowerCase());
}

function finding(plugin: string, rule: DiagnoseRule, hostname: string): AppFinding {
  const hint = rule.hint === undefined ? {} : { hint: fillIn(rule.hint, hostname) };
  return {
    plugin,
    rule: rule.code,
    severity: rule.severity,
    code: rule.severity === 'error' ? 'E_APP' : 'W_APP',
    message: fillIn(rule.message, hostname),
    ...hint,
  };
}
