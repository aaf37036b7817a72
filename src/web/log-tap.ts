// A logger that also shows its lines to whoever looks at the page: without secrets, and short.

import { shownUrl } from '../ingress/shown-url.ts';
import type { Logger } from '../logger.ts';

/** The levels of log lines, as pino counts them. */
export const levels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 } as const;

/** One line as it is shown. */
export interface LogLine {
  readonly at: string;
  readonly level: keyof typeof levels;
  readonly message: string;
  /** Short texts, by name. */
  readonly fields: Readonly<Record<string, string>>;
}

const secretName = /token|secret|password|authorization|cookie|credential|key$|hash$/i;
const maxFields = 20;
const maxText = 500;

/** Logs as before and shows every line of `least` or above; `secrets` are blacked out wherever they stand. */
export function tapLogger(
  logger: Logger,
  options: {
    readonly least: keyof typeof levels;
    readonly secrets: () => readonly string[];
    readonly show: (line: LogLine) => void;
    readonly now: () => number;
  },
): Logger {
  const tapped = (inner: Logger, bindings: Readonly<Record<string, unknown>>): Logger => {
    const at = (level: keyof typeof levels) =>
      function log(this: unknown, ...given: readonly unknown[]): void {
        Reflect.apply(inner[level], inner, given);
        if (levels[level] < levels[options.least]) return;
        const [first, second] = given;
        const message = typeof first === 'string' ? first : typeof second === 'string' ? second : '';
        const fields = { ...bindings, ...(typeof first === 'object' && first !== null ? first : {}) };
        const clean = (text: string) => shownUrl(blackedOut(text, options.secrets())).slice(0, maxText);
        const line = { at: new Date(options.now()).toISOString(), level, message: clean(message) };
        options.show({ ...line, fields: shown(fields, clean) });
      };
    return {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (more) => tapped(inner.child(more), { ...bindings, ...more }),
    };
  };
  return tapped(logger, {});
}

/** The text with every one of these in it blacked out; what is shorter than a secret can be is left. */
export function blackedOut(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret.length >= 8).reduce((now, one) => now.replaceAll(one, '[secret]'), text);
}

function shown(fields: Readonly<Record<string, unknown>>, clean: (text: string) => string): Record<string, string> {
  const named = Object.entries(fields).filter(([name, value]) => value !== undefined && !secretName.test(name));
  return Object.fromEntries(
    named.slice(0, maxFields).map(([name, value]) => [name.slice(0, 60), clean(asText(value))]),
  );
}

function asText(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value !== 'object' || value === null) return String(value);
  // Objects may hold anything, and are nested as deep as they like: lists of plain values are all there is to read.
  if (!Array.isArray(value)) return '{…}';
  return value
    .slice(0, maxFields)
    .map((item) => (typeof item === 'object' ? '…' : String(item)))
    .join(', ');
}
