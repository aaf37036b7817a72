// One container's labels of one tool while they are read: which were used, what came of them, and what is to be said about the rest. Pure.
import { type HintsDraft, readHint } from '../docker-labels.ts';
import { parseBoolean } from '../origin-options.ts';
import { quote } from '../quote.ts';
import type { ForeignEntry, Note, Reading } from './dialect.ts';

/** More than anyone writes by hand; beyond it nothing of the tool's is read. */
const maxLabels = 256;
const maxValueLength = 4096;
const maxEntries = 32;

/** Labels of one tool, each to be read once; what nobody read is noted at the end. */
export class ForeignLabels {
  /** Names this container answers to: a URL that leads to one of them leads to the container itself. */
  readonly names: readonly string[];
  /** Whether the settings let a label open an entry to everyone. */
  readonly mayOpen: boolean;
  readonly #labels = new Map<string, string>();
  readonly #read = new Set<string>();
  readonly #notes: Note[] = [];
  readonly #entries: EntryDraft[] = [];
  readonly #gaps = new EntryDraft(this, '', '');
  #off: string | undefined;

  constructor(labels: ReadonlyMap<string, string>, names: readonly string[], mayOpen = false) {
    this.names = names;
    this.mayOpen = mayOpen;
    const long = [...labels].find(([, value]) => value.length > maxValueLength)?.[0];
    if (labels.size > maxLabels)
      this.note([...labels.keys()][0] ?? '', `there are ${labels.size} labels like it, and ${maxLabels} are read`);
    // A value nobody can read may be the one that guards the others.
    else if (long !== undefined) this.note(long, 'it is too long, so nothing beside it is read either');
    else for (const [key, value] of labels) this.#labels.set(key, value.trim());
  }

  /** All keys, read or not. */
  get keys(): readonly string[] {
    return [...this.#labels.keys()];
  }

  /** A label's value; it counts as read. */
  get(key: string): string | undefined {
    this.#read.add(key);
    return this.#labels.get(key);
  }

  /** A label's value, without counting it as read. */
  peek(key: string): string {
    return this.#labels.get(key) ?? '';
  }

  /** The first of several spellings that is there; all count as read. */
  first(...keys: readonly string[]): { readonly key: string; readonly value: string } | undefined {
    const found = keys.map((key) => ({ key, value: this.get(key) }));
    return found.find((one): one is { key: string; value: string } => one.value !== undefined);
  }

  /** Labels that have no bearing on publishing: not a word about them. */
  pass(isIdle: (key: string) => boolean): void {
    for (const key of this.#labels.keys()) if (isIdle(key)) this.#read.add(key);
  }

  /** Says that a label does not come along, and why; once per label. */
  note(label: string, why: string): void {
    this.#read.add(label);
    if (!this.#notes.some((one) => one.label === label)) this.#notes.push({ label, why });
  }

  /** The tool is told by this label to leave the container alone; the others do not matter then. */
  switchOff(from: string): void {
    this.#off = from;
    this.pass(() => true);
  }

  /**
   * Whether the tool's own switch is on. Off, the tool leaves the container alone; absent, it does too, and nobody needs to be
   * told of labels that do nothing where they come from either.
   */
  isSwitchedOn(key: string, isOn: (text: string) => boolean): boolean {
    const value = this.get(key);
    if (value !== undefined && isOn(value)) return true;
    this.pass(() => true);
    if (value === undefined) return false;
    if (!isPlainlyOff(value))
      this.note(key, `${quote(value)} does not switch it on, so nothing is published through it`);
    this.switchOff(key);
    return false;
  }

  /** A new entry, or one that is dropped because there are too many. */
  entry(name: string, from: string): EntryDraft {
    const draft = new EntryDraft(this, name, from);
    draft.hints.enable = true;
    if (this.#entries.length < maxEntries) this.#entries.push(draft);
    else this.note(from, `only ${maxEntries} entries are read`);
    return draft;
  }

  /** What fills gaps without publishing anything. */
  get gaps(): EntryDraft {
    return this.#gaps;
  }

  /** What came of it, once the dialect has read everything it understands. */
  finish(): Reading {
    for (const key of this.#labels.keys()) {
      if (!this.#read.has(key)) this.note(key, 'it has no counterpart here');
    }
    const notes = this.#notes;
    if (this.#off !== undefined) return { entries: [], gaps: {}, off: this.#off, notes };
    const entries = this.#entries.filter((draft) => !draft.isBroken);
    return { entries: nameEntries(entries), gaps: this.#gaps.hints, notes };
  }
}

function isPlainlyOff(text: string): boolean {
  return parseBoolean(text) === false || ['', 'f', 'disable', 'disabled', 'none'].includes(text.toLowerCase());
}

/** Labels without which an entry would be another one than was written. */
const essential: readonly string[] = ['hostname', 'path', 'service'];

/** One entry while its labels are read. Values go through the same checks as those of our own labels. */
export class EntryDraft {
  readonly hints: HintsDraft = {};
  readonly name: string;
  readonly from: string;
  readonly #labels: ForeignLabels;
  #isBroken = false;

  constructor(labels: ForeignLabels, name: string, from: string) {
    this.#labels = labels;
    this.name = name;
    this.from = from;
  }

  /** Something essential could not be read: nothing is published through it. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Sets what `sallyport.<label>=<value>` would; `from` is the tool's label, for the note when it does not hold. */
  set(label: string, value: string, from: string): void {
    const problem = readHint(this.hints, label, value);
    if (problem === undefined) return;
    if (essential.includes(label)) this.drop(from, `it ${problem}, not ${quote(value)}`);
    else this.#labels.note(from, `it ${problem}, not ${quote(value)}`);
  }

  /** Nothing is published through this entry, because of this label. */
  drop(from: string, why: string): void {
    this.#isBroken = true;
    this.#labels.note(from, `${why}; nothing is published through it`);
  }

  /** The tool guards it with something that does not come along: it must not become public here. */
  guard(from: string, what: string): void {
    this.hints.guarded ??= what;
    delete this.hints.access;
    this.#labels.note(from, `${what}; here a policy must`);
  }

  /** The tool opens it to everyone, which counts here only where labels may say so; else it is as closed as by default. */
  open(from: string): void {
    if (this.hints.guarded !== undefined) return;
    if (this.#labels.mayOpen) this.hints.access = 'public';
    else
      this.#labels.note(
        from,
        'opening it to everyone takes labels.allow.public: true, and the default policy counts until then',
      );
  }
}

/** Gives every entry a name that one of ours may have, each another one. */
function nameEntries(drafts: readonly EntryDraft[]): readonly ForeignEntry[] {
  const taken = new Set<string>();
  return drafts.map((draft) => {
    const name = freeName(entryName(draft.name), taken);
    taken.add(name);
    return { name, hints: draft.hints, from: draft.from };
  });
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number++) {
    const numbered = `${name.slice(0, 28)}-${number}`;
    if (!taken.has(numbered)) return numbered;
  }
}

function entryName(name: string): string {
  const cleaned = name
    .slice(0, 128)
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return (/^[A-Za-z]/.test(cleaned) ? cleaned : `entry-${cleaned}`).slice(0, 32).replace(/-$/, '');
}
