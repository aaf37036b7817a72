// A finding about no service in particular as a line on stderr. Pure.
import type { Diagnostic } from '../model.ts';
import { printable } from './table.ts';

/** `error E_CODE: what is wrong: how to mend it`. */
export function formatFinding(finding: Diagnostic): string {
  const hint = finding.hint === undefined ? '' : `: ${finding.hint}`;
  return printable(`${finding.severity} ${finding.code}: ${finding.message}${hint}`);
}
