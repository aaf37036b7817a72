// `doctor`: every check along the path from a visitor to a service, and the first that fails.
import type { Command } from 'commander';
import { type Check, rootCause } from '../doctor/check.ts';
import { AppError } from '../errors.ts';
import type { IngressEntry, Service } from '../model.ts';
import { nearest } from '../nearest.ts';
import type { CliIo } from './io.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { formatTable, printable } from './table.ts';

/** Adds the command. */
export function addDoctorCommand(program: Command, io: CliIo): void {
  program
    .command('doctor')
    .argument('[name]', 'a service or a hostname; default: everything that is or should be published')
    .description('every check along the path visitor → edge → DNS → connector → origin; exit 1 when one fails')
    .action(async (name: string | undefined) => {
      const { loaded, logger } = loadForCommand(program);
      const { examineOnce } = await import('../app/doctor.ts');
      const choose = (seen: Seen) => (name === undefined ? concerned(seen) : named(name, seen));
      const checks = await examineOnce({ settings: loaded.settings, logger, env: process.env, choose });
      const broken = rootCause(checks);
      io.out(globalOptions(program).json === true ? asJson(checks, broken) : asText(checks, broken));
      if (broken !== undefined) io.setExitCode(1);
    });
}

interface Seen {
  readonly services: readonly Service[];
  readonly entries: readonly IngressEntry[];
  readonly diagnostics: readonly { readonly serviceId?: string; readonly severity: string }[];
}

/** What is published, and what somebody wants published. */
function concerned({ services, entries, diagnostics }: Seen): readonly Service[] {
  const ids = new Set<string | undefined>(entries.map((entry) => entry.serviceId));
  for (const { serviceId, severity } of diagnostics) if (severity === 'error') ids.add(serviceId);
  return services.filter((service) => ids.has(service.id));
}

/** By id, name or hostname; a hostname also finds the wildcard that covers it. */
function named(name: string, { services, entries }: Seen): readonly Service[] {
  const wanted = name.toLowerCase();
  const behind = new Set(entries.filter(({ rule }) => covers(rule.hostname, wanted)).map((entry) => entry.serviceId));
  const found = services.filter((service) => service.id === name || service.name === name || behind.has(service.id));
  if (found.length > 0) return found;
  const close = nearest(name, [
    ...services.map((service) => service.name),
    ...entries.map(({ rule }) => rule.hostname),
  ]);
  throw new AppError({
    code: 'E_USAGE',
    message: `there is no service and no hostname "${name}"`,
    hint: close === undefined ? 'see `sallyport services`' : `did you mean ${close}?`,
  });
}

function covers(pattern: string, hostname: string): boolean {
  return pattern === hostname || (pattern.startsWith('*.') && hostname.endsWith(pattern.slice(1)));
}

function asJson(checks: readonly Check[], broken: Check | undefined): string {
  return `${JSON.stringify({ checks, firstBroken: broken ?? null }, null, 2)}\n`;
}

function asText(checks: readonly Check[], broken: Check | undefined): string {
  const rows = checks.map(({ about, step, outcome, message, hint }) => [
    about ?? '-',
    step,
    outcome,
    hint === undefined || outcome === 'ok' ? message : `${message}: ${hint}`,
  ]);
  const table = formatTable(['ABOUT', 'CHECK', 'RESULT', 'WHAT'], rows);
  if (broken === undefined) return `${table}\nNothing is broken.\n`;
  const hint = broken.hint === undefined ? '' : `\n  To mend it: ${printable(broken.hint)}`;
  const where = broken.about === undefined ? '' : `${printable(broken.about)}: `;
  return `${table}\nFirst to mend: ${where}${printable(broken.message)}${hint}\n`;
}
