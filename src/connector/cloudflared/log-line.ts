// One line of cloudflared's log, as a value: its console form, its JSON form, or plain text. Pure.

/** Levels of our own logger. */
export type LogLineLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** A field's value; anything deeper is kept as text. */
export type LogFieldValue = string | number | boolean | null;

/** What cloudflared said. */
export interface LogLine {
  readonly level: LogLineLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, LogFieldValue>>;
}

const levels: Readonly<Record<string, LogLineLevel>> = {
  trc: 'trace',
  trace: 'trace',
  dbg: 'debug',
  debug: 'debug',
  inf: 'info',
  info: 'info',
  wrn: 'warn',
  warn: 'warn',
  err: 'error',
  error: 'error',
  ftl: 'error',
  fatal: 'error',
  pnc: 'error',
  panic: 'error',
};

const maxFields = 32;

/** The line as a value; text that is neither form (usage errors, panics) becomes a warning with no fields, so that it is seen. */
export function parseLogLine(line: string): LogLine {
  return parseJsonLine(line) ?? parseConsoleLine(line) ?? { level: 'warn', message: line.trim(), fields: {} };
}

/** `{"level":"info","message":"…","time":"…",…}` */
function parseJsonLine(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null || !('message' in value) || typeof value.message !== 'string') {
    return undefined;
  }
  const { message, ...rest } = value;
  const level = 'level' in rest && typeof rest.level === 'string' ? levels[rest.level] : undefined;
  const fields = Object.entries(rest).filter(([name]) => name !== 'level' && name !== 'time');
  return { level: level ?? 'info', message, fields: fieldsOf(fields.map(([name, item]) => [name, flat(item)])) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON after all: the caller takes it as plain text.
  }
}

function flat(value: unknown): LogFieldValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) {
    return value;
  }
  return JSON.stringify(value);
}

const consoleLine = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ([A-Z]{3}) (.*)$/s;

/** `2026-01-02T03:04:05Z INF message key=value other="quoted value"` */
function parseConsoleLine(line: string): LogLine | undefined {
  const found = consoleLine.exec(line);
  const level = levels[(found?.[1] ?? '').toLowerCase()];
  if (found === null || level === undefined) return undefined;
  const { message, pairs } = splitFields(found[2] ?? '');
  return { level, message, fields: fieldsOf(pairs) };
}

/**
 * Nothing marks where the message ends and the fields begin, and a message may hold `=` itself. So fields are taken from the end
 * of the line, as long as what stands there is ` name=value` with the value quoted or free of spaces.
 */
function splitFields(text: string): { message: string; pairs: [string, LogFieldValue][] } {
  const pairs: [string, LogFieldValue][] = [];
  let message = text;
  while (pairs.length < maxFields) {
    const start = message.endsWith('"') ? quotedFieldStart(message) : message.lastIndexOf(' ');
    const field = start < 0 ? null : /^ ([A-Za-z_][\w.-]*)=(.*)$/s.exec(message.slice(start));
    if (field === null) break;
    pairs.unshift([field[1] ?? '', consoleValue(field[2] ?? '')]);
    message = message.slice(0, start);
  }
  return { message, pairs };
}

/** Where the ` name="…"` at the end of the text begins, or -1. */
function quotedFieldStart(text: string): number {
  for (let at = text.length - 2; at > 0; at--) {
    if (text[at] !== '"' || isEscaped(text, at)) continue;
    return text[at - 1] === '=' ? text.lastIndexOf(' ', at - 1) : -1;
  }
  return -1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

function consoleValue(text: string): LogFieldValue {
  if (text.startsWith('"')) return unquote(text);
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}

/** Go's quoting; where it differs from JSON's (`\x1b`, `\a`) the text stays as it is. */
function unquote(text: string): string {
  const value = parseJson(text);
  return typeof value === 'string' ? value : text.slice(1, -1);
}

/** Own properties only, so that a field called `__proto__` is just a field. */
function fieldsOf(pairs: readonly (readonly [string, LogFieldValue])[]): Record<string, LogFieldValue> {
  return Object.fromEntries(pairs.slice(0, maxFields));
}
