// What a pass changed that a person reading the log wants to know, each thing once. Pure.
import { shownUrl } from '../ingress/shown-url.ts';
import type { Diagnostic, IngressEntry } from '../model.ts';
import type { Pass } from '../reconcile.ts';

/** One line of the log. */
export interface News {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Names that came, stopped or went since the last pass, and findings that are new. */
export function newsOf(previous: Pass | undefined, pass: Pass): News[] {
  const before = byName(previous?.desired.ingress ?? []);
  const now = byName(pass.desired.ingress);
  const unsettled = new Set([
    ...pass.failed,
    ...pass.plans.flatMap((plan) => plan.held.map(({ change }) => change.serviceId)),
  ]);
  const news: News[] = [];
  for (const [name, entry] of now) {
    const old = before.get(name);
    if (unsettled.has(entry.serviceId) || old?.rule.service === entry.rule.service) continue;
    news.push({
      level: 'info',
      message: isClosed(entry) ? 'stopped, its name answers 503' : 'published',
      fields: fieldsOf(name, entry),
    });
  }
  for (const [name, entry] of before) {
    if (!now.has(name) && !unsettled.has(entry.serviceId)) {
      news.push({ level: 'info', message: 'no longer published', fields: { name, service: entry.serviceId } });
    }
  }
  return [...news, ...newFindings(previous?.diagnostics ?? [], pass.diagnostics)];
}

function byName(entries: readonly IngressEntry[]): Map<string, IngressEntry> {
  return new Map(entries.map((entry) => [entry.rule.hostname + (entry.rule.path ?? ''), entry]));
}

function isClosed(entry: IngressEntry): boolean {
  return entry.rule.service === 'http_status:503';
}

function fieldsOf(name: string, entry: IngressEntry): Record<string, string> {
  const access = entry.access === 'public' ? 'public' : entry.access.policy;
  return { name, service: entry.serviceId, to: shownUrl(entry.rule.service), access };
}

function newFindings(before: readonly Diagnostic[], now: readonly Diagnostic[]): News[] {
  const known = new Set(before.map(identity));
  return now
    .filter((finding) => finding.severity !== 'info' && !known.has(identity(finding)))
    .map((finding) => ({
      level: 'warn' as const,
      message: finding.message,
      fields: {
        code: finding.code,
        ...(finding.serviceId === undefined ? {} : { service: finding.serviceId }),
        ...(finding.hint === undefined ? {} : { hint: finding.hint }),
      },
    }));
}

function identity(finding: Diagnostic): string {
  return `${finding.code} ${finding.serviceId ?? ''} ${finding.message}`;
}
