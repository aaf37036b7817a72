// pino, set up once: redaction of everything secret, JSON lines or a readable form, always on stderr.
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

/** What every part logs with: static message, data in fields. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error'> & {
  child(bindings: Record<string, unknown>): Logger;
};

/** Levels a user can choose. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Field names whose values are never written, at the top level and one level down. */
const secretFields = [
  'token',
  'apiToken',
  'api_token',
  'secret',
  'tunnelSecret',
  'tunnel_secret',
  'password',
  'authorization',
  'cookie',
  'credentials',
];

const redact = {
  paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
  censor: '[secret]',
};

/** A logger writing to stderr, so that stdout stays free for `--json`; `auto` is readable on a terminal, else JSON. */
export function createLogger(options: { level: LogLevel; format: 'auto' | 'pretty' | 'json' }): Logger {
  const readable = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY === true);
  const stream: DestinationStream & EventEmitter = readable
    ? pretty()({ destination: 2, sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss' })
    : pino.destination({ dest: 2, sync: true });
  // A log that cannot be written (its disk is full, its reader gone) must not take the program with it.
  stream.on('error', () => undefined);
  return pino({ level: options.level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

/** A logger that writes nothing, for tests and one-shot commands. */
export function createSilentLogger(): Logger {
  return pino({ level: 'silent' });
}

/** Loaded on a terminal only: a service's log is read by machines. */
function pretty(): typeof import('pino-pretty') {
  return createRequire(import.meta.url)('pino-pretty');
}
