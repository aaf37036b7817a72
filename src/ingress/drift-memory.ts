// What we last wrote as our rules of a tunnel, kept in the data directory: without it a change by hand cannot be told from an old rule of ours.
import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { parse, schemaOf } from '../validate.ts';
import type { Remembered, RememberedRule } from './drift.ts';

/** What is remembered of one tunnel's rules. */
export interface RuleMemory {
  /** Empty when nothing was kept, or what was kept is damaged or another tunnel's. */
  load(): Remembered;
  /** Keeps it; where that cannot be, forgets it, because an old memory would take our own rules for somebody's. */
  save(rules: Remembered): void;
  /** For rules that are no longer kept by the API. */
  forget(): void;
}

/** Where the memory is. */
export interface RuleMemoryOptions {
  readonly dataDir: string;
  readonly tunnelId: string;
  readonly logger: Logger;
}

interface Kept {
  readonly tunnel: string;
  readonly rules: Readonly<Record<string, RememberedRule>>;
}

const fileName = 'rules-written.json';
const maxBytes = 32 * 1024 * 1024;

const form = {
  type: 'object',
  nullable: true,
  required: ['service'],
  additionalProperties: false,
  properties: { service: { type: 'string' }, originRequest: { type: 'object' } },
};
const serviceId = { type: 'string', pattern: '^[^/]+/.+$' };

const schema = schemaOf<Kept>({
  type: 'object',
  additionalProperties: false,
  required: ['tunnel', 'rules'],
  properties: {
    tunnel: { type: 'string' },
    rules: {
      type: 'object',
      maxProperties: 100_000,
      propertyNames: { pattern: '^[^ ]+ ' },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['serviceId', 'written'],
        properties: {
          serviceId,
          written: { type: 'array', minItems: 1, maxItems: 8, items: form },
          hand: {
            type: 'object',
            additionalProperties: false,
            required: ['form', 'fields', 'owners'],
            properties: {
              form,
              fields: { type: 'array', items: { enum: ['rule', 'service', 'originRequest', 'order'] } },
              owners: { type: 'array', items: serviceId },
              basis: { type: 'string' },
              isReplaced: { const: true },
            },
          },
        },
      },
    },
  },
});

/** The memory in this data directory. */
export function createRuleMemory(options: RuleMemoryOptions): RuleMemory {
  const { logger, tunnelId } = options;
  const file = join(options.dataDir, fileName);

  return {
    load() {
      try {
        const kept = read(file);
        return kept?.tunnel === tunnelId ? new Map(Object.entries(kept.rules)) : new Map();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn({ file, reason }, 'what was last written as rules is forgotten: the file cannot be read');
        return new Map();
      }
    },
    save(rules) {
      try {
        write(file, { tunnel: tunnelId, rules: Object.fromEntries(rules) });
      } catch (error) {
        const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
        logger.warn({ file, reason }, 'what was written as rules cannot be kept: changes by hand will not be noticed');
        forget(file, logger);
      }
    },
    forget: () => forget(file, logger),
  };
}

/** The memory for those who only look: nothing is ever written. */
export function lookAtRuleMemory(options: RuleMemoryOptions): RuleMemory {
  return { load: createRuleMemory(options).load, save: () => undefined, forget: () => undefined };
}

function read(file: string): Kept | undefined {
  try {
    if (statSync(file).size > maxBytes)
      throw new AppError({ code: 'E_STATE', message: 'the file is far too large', where: file });
    return parse(schema, JSON.parse(readFileSync(file, 'utf8')), { where: fileName });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function write(file: string, kept: Kept): void {
  const fresh = `${file}.new`;
  writeFileSync(fresh, JSON.stringify(kept), { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}

function forget(file: string, logger: Logger): void {
  try {
    rmSync(file, { force: true });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    logger.error({ file, reason }, 'an outdated memory of rules could not be removed: delete it');
  }
}
