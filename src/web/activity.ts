// What happened here, for people to read later: kept as JSON lines in the data directory, in two files of bounded size.
import { appendFileSync, chmodSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import { flag, type JsonSchema, oneOf, shape, text } from './views/schema.ts';

/** One thing that happened. */
export interface Activity {
  readonly at: string;
  /** `action`: somebody asked for it; `change`: a pass made it; `login`: somebody came in, or tried to. */
  readonly kind: 'action' | 'change' | 'login';
  /** Who asked, or why the pass ran. */
  readonly by: string;
  readonly what: string;
  readonly serviceId?: string;
  readonly target?: string;
  readonly cause?: string;
  readonly failed?: boolean;
}

/** The schema of one. */
export const activitySchema: JsonSchema = shape(
  {
    at: text,
    kind: oneOf('action', 'change', 'login'),
    by: text,
    what: text,
    serviceId: text,
    target: text,
    cause: text,
    failed: flag,
  },
  ['serviceId', 'target', 'cause', 'failed'],
);

/** What happened, kept. */
export interface ActivityLog {
  add(one: Omit<Activity, 'at'>): void;
  /** The newest first. */
  recent(limit: number, serviceId?: string): readonly Activity[];
}

/** What the log is kept with. */
export interface ActivityOptions {
  readonly dataDir: string;
  readonly now: () => number;
  readonly logger: Logger;
  readonly onAdded?: (one: Activity) => void;
  readonly maxBytes?: number;
}

const fileName = 'activity.jsonl';
const maxText = 500;

/** The log of this data directory; nothing is written before something happened. */
export function createActivityLog(options: ActivityOptions): ActivityLog {
  const { now, logger, onAdded, maxBytes = 1024 * 1024 } = options;
  const file = join(options.dataDir, fileName);
  const older = `${file}.1`;
  let isBroken = false;

  function keep(one: Activity): void {
    try {
      if (sizeOf(file) > maxBytes) renameSync(file, older);
      const isNew = sizeOf(file) === 0;
      appendFileSync(file, `${JSON.stringify(one)}\n`, { mode: 0o600 });
      if (isNew) chmodSync(file, 0o600);
      isBroken = false;
    } catch (cause) {
      // A full disk must not keep anybody from closing a service; said once.
      if (!isBroken) logger.warn({ file, reason: (cause as NodeJS.ErrnoException).code }, 'activity is not kept');
      isBroken = true;
    }
  }

  return {
    add(one) {
      const entry = { at: new Date(now()).toISOString(), ...shortened(one) };
      keep(entry);
      onAdded?.(entry);
    },
    recent(limit, serviceId) {
      const found: Activity[] = [];
      for (const path of [file, older])
        for (const one of linesOf(path).reverse()) {
          if (found.length >= limit) return found;
          if (one !== undefined && (serviceId === undefined || one.serviceId === serviceId)) found.push(one);
        }
      return found;
    },
  };
}

function shortened(one: Omit<Activity, 'at'>): Omit<Activity, 'at'> {
  const short = (value: unknown) => (typeof value === 'string' ? value.slice(0, maxText) : value);
  return Object.fromEntries(
    Object.entries(one)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, short(value)]),
  ) as unknown as Omit<Activity, 'at'>;
}

function linesOf(path: string): (Activity | undefined)[] {
  if (sizeOf(path) === 0) return [];
  return readFileSync(path, 'utf8').split('\n').map(readLine);
}

/** A line cut short by a crash, or edited by hand, is left out. */
function readLine(line: string): Activity | undefined {
  if (line === '') return undefined;
  try {
    const value: unknown = JSON.parse(line);
    const one = (typeof value === 'object' && value !== null ? value : {}) as Partial<Activity>;
    const isOne = [one.at, one.by, one.what].every((field) => typeof field === 'string');
    const isKind = one.kind === 'action' || one.kind === 'change' || one.kind === 'login';
    return isOne && isKind ? (one as Activity) : undefined;
  } catch {
    return undefined;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
