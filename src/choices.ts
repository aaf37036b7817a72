// What a person decided about single names and services, kept in the data directory and never in the user's own files.
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from './errors.ts';
import type { ServiceId } from './model.ts';
import { parse, schemaOf } from './validate.ts';

/** All choices. Hostnames are in lower case, without a final dot. */
export interface Choices {
  /** Hostnames whose record, rules and Access application are ours from now on, although somebody else made them. */
  readonly adopted: readonly string[];
  /** Hostnames that are somebody else's from now on: our marks go, the objects stay, and nothing under the name is changed. */
  readonly released: readonly string[];
  /** What becomes of a rule that was changed by hand, by `hostname` or `hostname path`. */
  readonly drift: Readonly<Record<string, DriftChoice>>;
  /** What was chosen for a service that its labels do not say. */
  readonly services: Readonly<Record<ServiceId, ServiceChoice>>;
}

/** `mine` writes our rule again, `theirs` serves what was written by hand as ours, `ignore` leaves the rule alone. */
export type DriftChoice = 'mine' | 'theirs' | 'ignore';

/** Fields as in a service's hints; `ignored` also keeps it out of the suggestions. */
export interface ServiceChoice {
  readonly enable?: boolean;
  readonly ignored?: boolean;
  readonly hostname?: string;
  readonly access?: string;
  readonly bypassPaths?: readonly string[];
}

/** Nothing was decided. */
export const noChoices: Choices = { adopted: [], released: [], drift: {}, services: {} };

/** The choices of one data directory. */
export interface ChoiceStore {
  /** As they are now: another process may have written them. Throws AppError E_STATE when the file is damaged. */
  read(): Choices;
  /** Changes them; a crash leaves the old file or the new one. Returns what is kept now. */
  update(change: (choices: Choices) => Choices): Choices;
}

const fileName = 'choices.json';
const maxNames = 10_000;

const names = { type: 'array', maxItems: maxNames, items: { type: 'string', minLength: 1, maxLength: 253 } } as const;
const schema = schemaOf<Partial<Choices>>({
  type: 'object',
  additionalProperties: false,
  properties: {
    adopted: names,
    released: names,
    drift: {
      type: 'object',
      maxProperties: maxNames,
      additionalProperties: { enum: ['mine', 'theirs', 'ignore'] },
    },
    services: {
      type: 'object',
      maxProperties: maxNames,
      propertyNames: { pattern: '^[^/]+/.+$', maxLength: 500 },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          enable: { type: 'boolean' },
          ignored: { type: 'boolean' },
          hostname: { type: 'string', maxLength: 253 },
          access: { type: 'string', maxLength: 200 },
          bypassPaths: { type: 'array', maxItems: 50, items: { type: 'string', maxLength: 1000 } },
        },
      },
    },
  },
});

/** The store of this data directory; nothing is written before the first choice. */
export function createChoiceStore(dataDir: string): ChoiceStore {
  const file = join(dataDir, fileName);
  const read = (): Choices => readChoices(file);
  return {
    read,
    update(change) {
      const next = change(read());
      write(file, next);
      return next;
    },
  };
}

function readChoices(file: string): Choices {
  try {
    return { ...noChoices, ...parse(schema, JSON.parse(readFileSync(file, 'utf8')), { where: fileName }) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return noChoices;
    throw new AppError({
      code: 'E_STATE',
      message: 'the choices kept in the data directory cannot be read',
      where: file,
      hint: 'restore the file from a copy, or delete it: then what was adopted, released or chosen must be chosen again',
      cause,
    });
  }
}

function write(file: string, choices: Choices): void {
  try {
    const fresh = `${file}.new`;
    writeFileSync(fresh, `${JSON.stringify(choices, null, 2)}\n`, { mode: 0o600 });
    chmodSync(fresh, 0o600);
    renameSync(fresh, file);
  } catch (cause) {
    throw new AppError({
      code: 'E_STATE',
      message: `cannot keep the choice (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
      where: file,
      hint: 'make data_dir writable for this user',
      cause,
    });
  }
}
