// What an app's own answers mean, by what its plugin knows of it. Pure; the answers are untrusted.
import type { PluginManifest } from '../plugin/catalogue.ts';
import { type Answer, diagnoseAnswer } from '../plugin/diagnose.ts';
import { type Check, failed, warned } from './check.ts';

/** The worst of what is understood; undefined when nothing is. */
export function judgeApp(
  manifests: readonly PluginManifest[],
  answers: readonly Answer[],
  hostname: string,
): Check | undefined {
  const findings = answers.flatMap((answer) => diagnoseAnswer(manifests, answer, hostname));
  const worst = findings.find(({ severity }) => severity === 'error') ?? findings[0];
  if (worst === undefined) return undefined;
  return (worst.severity === 'error' ? failed : warned)('origin', worst.message, worst.hint);
}
