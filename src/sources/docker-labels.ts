// The label grammar: a container's labels to what its owner asked for. Pure; anyone who builds an image writes labels.
import { ValidationError } from '../errors.ts';
import { compilePathPattern, PathPatternError } from '../ingress/path-pattern.ts';
import { parseServiceUrl } from '../ingress/service-url.ts';
import type { Diagnostic, OriginProtocol, OriginRequest, ServiceHints } from '../model.ts';
import { nearest } from '../nearest.ts';
import { peopleName } from '../settings/people.ts';
import type { DialectName } from './dialects/dialect.ts';
import { parseHostname } from './hostname.ts';
import { mergeOrigin, originKeys, parseBoolean, parsePort, readOriginOption } from './origin-options.ts';
import { quote } from './quote.ts';

/** How labels are read. */
export interface LabelPolicy {
  /** Ours begin with this and a dot. */
  readonly prefix: string;
  /** Other tools whose labels count like ours, the first one first; default none. */
  readonly dialects?: readonly DialectName[];
  /** Whether their word is enough to open an entry to everyone; default not. */
  readonly mayOpen?: boolean;
}

/** What the labels of one container say; `entries` have already inherited what they inherit. */
export interface ParsedLabels {
  readonly hints: ServiceHints;
  readonly entries?: Readonly<Record<string, ServiceHints>>;
  readonly diagnostics: readonly Diagnostic[];
}

/** More labels than anyone writes by hand; beyond it nothing of the container is published. */
const maxLabels = 256;
const maxValueLength = 4096;
const maxReported = 20;

const protocols: readonly OriginProtocol[] = ['http', 'https', 'tcp', 'ssh', 'rdp', 'smb', 'unix'];
const policyName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const entryName = /^[A-Za-z][A-Za-z0-9-]{0,31}$/;

/** Reads every label under the prefix. Never throws; a label that cannot be read is a diagnostic, and one that guards an entry holds that entry. */
export function parseLabels(
  labels: Readonly<Record<string, string>>,
  policy: LabelPolicy,
  where: string,
): ParsedLabels {
  const ours = Object.entries(labels).filter(([key]) => key === policy.prefix || key.startsWith(`${policy.prefix}.`));
  if (ours.length === 0) return { hints: {}, diagnostics: [] };
  const reader = new LabelReader(policy.prefix, where);
  if (ours.length > maxLabels) {
    reader.report(
      'error',
      `${ours.length} labels begin with ${policy.prefix}, ${maxLabels} are read`,
      'nothing here is published',
    );
    return { hints: { enable: false }, diagnostics: reader.diagnostics };
  }
  for (const [key, value] of ours) reader.read(key.slice(policy.prefix.length + 1), value);
  return reader.result();
}

/** Hints that are being put together. */
export type HintsDraft = { -readonly [K in keyof ServiceHints]: ServiceHints[K] };

/** Reads a value as `sallyport.<label>` would be, for whoever has it from elsewhere; says what is wrong with it when it does not hold. */
export function readHint(hints: HintsDraft, label: string, value: string): string | undefined {
  if (value.length > maxValueLength) return 'is too long';
  return isLabel(label) ? readValue({ hints, unreadable: new Set() }, label, value.trim()) : 'means nothing';
}

/** What is known of one entry while its labels are being read. */
class Draft {
  readonly hints: HintsDraft = {};
  /** Labels that guard the entry and could not be read. */
  readonly unreadable = new Set<string>();
}

class LabelReader {
  readonly #prefix: string;
  readonly #where: string;
  readonly #base = new Draft();
  readonly #entries = new Map<string, Draft>();
  readonly #diagnostics: Diagnostic[] = [];
  #unreported = 0;

  constructor(prefix: string, where: string) {
    this.#prefix = prefix;
    this.#where = where;
  }

  /** One label, its key without the prefix. */
  read(key: string, value: string): void {
    const found = this.#locate(key);
    if (found === undefined) {
      this.#reportUnknown(key);
      return;
    }
    const problem = value.length > maxValueLength ? 'is too long' : readValue(found.draft, found.label, value.trim());
    if (problem !== undefined) this.#refuse(found.draft, found.label, `${this.#prefix}.${key}`, value, problem);
  }

  /** The draft a key belongs to and the label it is there; undefined when the key means nothing. */
  #locate(key: string): { draft: Draft; label: string } | undefined {
    if (isLabel(key)) return { draft: this.#base, label: key };
    const dot = key.indexOf('.');
    const name = key.slice(0, Math.max(dot, 0));
    const label = key.slice(dot + 1);
    if (!entryName.test(name) || isReserved(name) || !isLabel(label)) return undefined;
    let draft = this.#entries.get(name);
    if (draft === undefined) {
      draft = new Draft();
      this.#entries.set(name, draft);
    }
    return { draft, label };
  }

  #refuse(draft: Draft, label: string, key: string, value: string, problem: string): void {
    if (label === 'enable') draft.hints.enable = false;
    const guards = isGuard(label);
    if (guards) draft.unreadable.add(label);
    const outcome = guards ? 'nothing is published through this entry until it is mended' : 'it is ignored';
    this.report(guards ? 'error' : 'warning', `label ${quote(key)} ${problem}, not ${quote(value)}`, outcome);
  }

  #reportUnknown(key: string): void {
    const full = key === '' ? this.#prefix : `${this.#prefix}.${key}`;
    this.report('warning', `label ${quote(full)} means nothing`, suggest(this.#prefix, key));
  }

  /** Adds a diagnostic, up to a sane number of them. */
  report(severity: Diagnostic['severity'], message: string, hint: string): void {
    if (this.#diagnostics.length >= maxReported) {
      this.#unreported++;
      return;
    }
    this.#diagnostics.push({ severity, code: 'E_LABEL_INVALID', message: `${this.#where}: ${message}`, hint });
  }

  get diagnostics(): readonly Diagnostic[] {
    if (this.#unreported === 0) return this.#diagnostics;
    const message = `${this.#where}: ${this.#unreported} more labels cannot be read`;
    return [...this.#diagnostics, { severity: 'warning', code: 'E_LABEL_INVALID', message }];
  }

  result(): ParsedLabels {
    const hints = finish(this.#base);
    if (this.#entries.size === 0) return { hints, diagnostics: this.diagnostics };
    const entries = [...this.#entries]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, draft]) => [name, finish(inherit(this.#base, draft))] as const);
    return { hints, entries: Object.fromEntries(entries), diagnostics: this.diagnostics };
  }
}

/** A named entry takes network, plugin, access and origin.* from the unnamed one, nothing else. */
function inherit(base: Draft, own: Draft): Draft {
  const { network, plugin, access } = base.hints;
  const result = new Draft();
  const originRequest = mergeOrigin(base.hints.originRequest, own.hints.originRequest);
  Object.assign(result.hints, defined({ network, plugin, access }), own.hints, defined({ originRequest }));
  for (const label of own.unreadable) result.unreadable.add(label);
  for (const label of base.unreadable) {
    const overridden = label === 'access' && own.hints.access !== undefined;
    if (isInherited(label) && !overridden) result.unreadable.add(label);
  }
  return result;
}

function isInherited(label: string): boolean {
  return label === 'access' || label.startsWith('origin.');
}

function finish(draft: Draft): ServiceHints {
  if (draft.unreadable.size === 0) return draft.hints;
  return { ...draft.hints, held: `cannot be read: ${[...draft.unreadable].toSorted().join(', ')}` };
}

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

const simpleLabels = [
  'enable',
  'hostname',
  'port',
  'protocol',
  'path',
  'service',
  'network',
  'plugin',
  'access',
] as const;
const allLabels: ReadonlySet<string> = new Set([
  ...simpleLabels,
  'access.bypass',
  ...originKeys.map((key) => `origin.${key}`),
]);

function isLabel(key: string): boolean {
  return allLabels.has(key);
}

function isReserved(name: string): boolean {
  return name === 'origin' || simpleLabels.some((label) => label === name);
}

/** Labels without which an entry would be more open, or another one, than its owner wrote. */
function isGuard(label: string): boolean {
  return ['enable', 'access', 'path', 'service'].includes(label) || label.startsWith('origin.access.');
}

function suggest(prefix: string, key: string): string {
  const dot = key.indexOf('.');
  const name = key.slice(0, Math.max(dot, 0));
  if (/^\d+$/.test(name)) return `entries are named, not numbered: ${prefix}.web.${key.slice(dot + 1, dot + 40)}`;
  const inEntry = entryName.test(name) && !isReserved(name) ? nearest(key.slice(dot + 1), allLabels) : undefined;
  const plain = key === '' ? 'enable' : nearest(key, allLabels);
  if (plain !== undefined) return `did you mean ${prefix}.${plain}?`;
  if (inEntry !== undefined) return `did you mean ${prefix}.${name}.${inEntry}?`;
  return `labels are ${simpleLabels.join(', ')}, access.bypass, origin.…, each also as ${prefix}.<entry>.…`;
}

/** Puts one value into the draft; says what is wrong when it cannot. */
function readValue(draft: Draft, label: string, value: string): string | undefined {
  if (label.startsWith('origin.')) return readOrigin(draft, label.slice('origin.'.length), value);
  return readers[label]?.(draft, value);
}

type Reader = (draft: Draft, value: string) => string | undefined;

const readers: Readonly<Record<string, Reader>> = {
  enable(draft, value) {
    const enable = parseBoolean(value);
    if (enable === undefined) return 'must be true or false';
    draft.hints.enable = enable;
    return undefined;
  },
  hostname(draft, value) {
    const hostname = parseHostname(value);
    if (hostname === undefined)
      return 'must be a hostname such as grafana or grafana.example.com, without https:// or a path';
    draft.hints.hostname = hostname;
    return undefined;
  },
  port(draft, value) {
    const port = parsePort(value);
    if (port === undefined) return 'must be a port, 1 to 65535';
    draft.hints.port = port;
    return undefined;
  },
  protocol(draft, value) {
    const protocol = protocols.find((name) => name === value.toLowerCase());
    if (protocol === undefined) return `must be one of ${protocols.join(', ')}`;
    draft.hints.protocol = protocol;
    return undefined;
  },
  path(draft, value) {
    if (value === '' || value.length > 1024) return 'must be a regular expression of 1 to 1024 characters';
    const problem = regexpProblem(value);
    if (problem !== undefined) return `must be a regular expression (${problem})`;
    draft.hints.path = value;
    return undefined;
  },
  service(draft, value) {
    const problem = value.length > 1024 ? 'too long' : serviceProblem(value);
    if (problem !== undefined) return `must be a service URL such as http://grafana:3000 (${problem})`;
    draft.hints.service = value;
    return undefined;
  },
  network(draft, value) {
    if (value === '' || value.length > 255) return 'must be the name of a network';
    draft.hints.network = value;
    return undefined;
  },
  plugin(draft, value) {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(value)) return "must be a plugin's id or none";
    draft.hints.plugin = value;
    return undefined;
  },
  access(draft, value) {
    if (!policyName.test(value) && peopleName(value) === undefined)
      return "must be a policy's name, e-mail addresses (@example.org for all of a domain) or public";
    draft.hints.access = value;
    return undefined;
  },
  'access.bypass'(draft, value) {
    const paths = value.split(',').map((path) => path.trim());
    if (paths.length > 64 || !paths.every(isPath)) return 'must be paths between commas, each beginning with /';
    draft.hints.bypassPaths = paths;
    return undefined;
  },
};

/** A path a login can be skipped for: absolute, no dot segments, nothing that a decoder would read as another path. */
function isPath(path: string): boolean {
  return (
    /^\/[\w\-.~!$&'()*+;=:@/]*$/.test(path) &&
    path.length <= 256 &&
    !path.includes('//') &&
    !/(^|\/)\.{1,2}(\/|$)/.test(path)
  );
}

function readOrigin(draft: Draft, key: string, value: string): string | undefined {
  const option = readOriginOption(key, value);
  if ('problem' in option) return option.problem;
  const merged: OriginRequest | undefined = mergeOrigin(draft.hints.originRequest, option.set);
  if (merged !== undefined) draft.hints.originRequest = merged;
  return undefined;
}

function serviceProblem(text: string): string | undefined {
  try {
    parseServiceUrl(text);
    return undefined;
  } catch (error) {
    if (error instanceof ValidationError) return error.message.slice(0, 160);
    throw error;
  }
}

/** A repetition multiplies what it repeats: a short pattern can take seconds to compile, in every pass, and as long to match. */
const maxPatternCost = 4_000;

function regexpProblem(text: string): string | undefined {
  const counts = [...text.matchAll(/\{(\d+)(?:,(\d*))?/g)].map(([, least, most]) => Number(most || least));
  const repeated = counts.reduce((sum, count) => sum + count, 1);
  if (text.length * repeated > maxPatternCost && counts.length > 0) return 'its repetitions make it too costly';
  try {
    compilePathPattern(text);
    return undefined;
  } catch (error) {
    if (error instanceof PathPatternError) return error.message.slice(0, 80);
    throw error;
  }
}
