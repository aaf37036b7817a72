// All labels of a container: ours, those of the tools the settings allow, and a word about the tools they do not. Pure.
import type { Diagnostic, ServiceHints } from '../../model.ts';
import { type LabelPolicy, type ParsedLabels, parseLabels } from '../docker-labels.ts';
import { quote } from '../quote.ts';
import type { Dialect, DialectName, Note, Reading } from './dialect.ts';
import { ForeignLabels } from './foreign-labels.ts';
import { mergeReadings, withOwnLabels } from './merge.ts';
import { dialects, isForeignLabel } from './registry.ts';

/** A container as far as labels go. */
export interface LabelledContainer {
  readonly labels: Readonly<Record<string, string>>;
  /** Other tools' variables, where somebody asked for them. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Every name it answers to. */
  readonly names: readonly string[];
  /** For messages. */
  readonly where: string;
  /** One that does not run is not suggested. */
  readonly isRunning: boolean;
}

const maxNotes = 20;

/** Reads them all; never throws. Our own labels win field by field, and `enable=false` over everything. */
export function readLabels(container: LabelledContainer, policy: LabelPolicy): ParsedLabels {
  const own = parseLabels(container.labels, policy, container.where);
  const foreign = sortByDialect(container);
  if (foreign.size === 0 || own.hints.enable === false) return own;
  const allowed = policy.dialects ?? [];
  const readings = allowed.flatMap((dialect) => {
    const reading = read(dialect, foreign, container, policy);
    return reading === undefined ? [] : [{ dialect, reading }];
  });
  const merged = mergeReadings(readings);
  const { hints, entries } = withOwnLabels(own, merged);
  const diagnostics = [
    ...own.diagnostics,
    ...noteDiagnostics(merged.notes, container.where),
    ...suggestions({ container, policy, foreign, own, hints, entries }),
  ];
  return { hints, ...(entries === undefined ? {} : { entries }), diagnostics };
}

/** Whether a tool among them is configured with variables, which only inspecting every container shows. */
export function readsEnvironment(policy: LabelPolicy): boolean {
  const allowed = policy.dialects ?? [];
  return dialects.some((dialect) => dialect.isEnvironment === true && allowed.includes(dialect.name));
}

/** What each tool owns of a container's labels and variables. */
type Foreign = ReadonlyMap<Dialect, ReadonlyMap<string, string>>;

function sortByDialect({ labels, environment }: LabelledContainer): Foreign {
  const sorted = new Map<Dialect, Map<string, string>>();
  const put = (dialect: Dialect, key: string, value: string) => {
    const known = sorted.get(dialect) ?? new Map<string, string>();
    sorted.set(dialect, known.set(key, value));
  };
  for (const [key, value] of Object.entries(labels)) {
    if (!isForeignLabel(key)) continue;
    for (const dialect of dialects) if (dialect.isEnvironment !== true && dialect.owns(key)) put(dialect, key, value);
  }
  for (const [key, value] of Object.entries(environment ?? {})) {
    for (const dialect of dialects) if (dialect.isEnvironment === true && dialect.owns(key)) put(dialect, key, value);
  }
  return sorted;
}

function read(
  name: DialectName,
  foreign: Foreign,
  { names }: LabelledContainer,
  { mayOpen }: LabelPolicy,
): Reading | undefined {
  for (const [dialect, words] of foreign) {
    if (dialect.name !== name) continue;
    const labels = new ForeignLabels(words, names, mayOpen);
    dialect.read(labels);
    return labels.finish();
  }
  return undefined;
}

function noteDiagnostics(notes: readonly Note[], where: string): readonly Diagnostic[] {
  const say = (message: string): Diagnostic => ({ severity: 'warning', code: 'W_NOT_CARRIED_OVER', message });
  const shown = notes
    .slice(0, maxNotes)
    .map(({ label, why }) => say(`${where}: ${plain(label)}: not carried over: ${why}`));
  const more = notes.length - shown.length;
  return more > 0 ? [...shown, say(`${where}: and ${more} more labels are not carried over`)] : shown;
}

/** A label as it is, unless there is something in it that does not belong into a line. */
function plain(label: string): string {
  return /^[\w.@[\]-]{1,120}$/.test(label) ? label : quote(label);
}

interface SuggestionInputs {
  readonly container: LabelledContainer;
  readonly policy: LabelPolicy;
  readonly foreign: Foreign;
  readonly own: ParsedLabels;
  readonly hints: ServiceHints;
  readonly entries: Readonly<Record<string, ServiceHints>> | undefined;
}

/** What the labels of tools that are not allowed ask for, unless it is there already. */
function suggestions({ container, policy, foreign, own, hints, entries }: SuggestionInputs): readonly Diagnostic[] {
  // Whoever labels a container with our own words has decided.
  const isDecided = [own.hints, ...Object.values(own.entries ?? {})].some((one) => one.enable === true);
  if (!container.isRunning || isDecided) return [];
  const known = new Set([hints, ...Object.values(entries ?? {})].flatMap((one) => one.hostname ?? []));
  return dialects.flatMap((dialect) => {
    if (policy.dialects?.includes(dialect.name) === true) return [];
    const reading = read(dialect.name, foreign, container, policy);
    if (reading === undefined) return [];
    const { name, fresh } = hostnamesOf(reading, known);
    for (const hostname of fresh) known.add(hostname);
    return name === undefined ? [] : [suggestion(container.where, dialect.name, name, policy.prefix)];
  });
}

const defaultName = 'its default name';

/** The hostnames a reading asks for that are not there yet, in words. */
function hostnamesOf(
  reading: Reading,
  known: ReadonlySet<string>,
): { readonly name?: string; readonly fresh: readonly string[] } {
  const asked = reading.entries.map(({ hints }) => hints.hostname ?? defaultName);
  const all = reading.entries.length === 0 && reading.gaps.hostname !== undefined ? [reading.gaps.hostname] : asked;
  const fresh = [...new Set(all)].filter((hostname) => !known.has(hostname));
  const more = fresh.length > 3 ? ` and ${fresh.length - 3} more` : '';
  return fresh.length === 0 ? { fresh } : { name: fresh.slice(0, 3).join(', ') + more, fresh };
}

function suggestion(where: string, dialect: DialectName, hostnames: string, prefix: string): Diagnostic {
  return {
    severity: 'info',
    code: 'W_DIALECT_OFF',
    message: `${where}: its ${dialect} labels ask for ${hostnames}, and they do not count yet`,
    hint: `add ${dialect} to labels.dialects, or label it ${prefix}.enable=true`,
  };
}
