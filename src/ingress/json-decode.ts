// JSON read into a shape the way cloudflared reads pushed configurations: keys in any case, unknown keys ignored, whole seconds. Pure.
import type { Shape, StructShape } from './config-shape.ts';
import { goQuote } from './go-text.ts';

/** Text or values cloudflared would refuse; the message is Go's. */
export class JsonDecodeError extends Error {}

/** A number as it was written: 1.0 and 1 are different to Go. */
class JsonNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Reads a text; throws JsonDecodeError with the first problem. `null` gives an empty value, as in cloudflared. */
export function decodeJson(text: string, shape: StructShape): Readonly<Record<string, unknown>> {
  const value = decodeValue(parseJson(text), shape, { struct: undefined, path: [] });
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? new JsonNumber(context?.source ?? String(value)) : value,
    );
  } catch (error) {
    if (error instanceof RangeError) throw new JsonDecodeError('exceeded max depth');
    if (error instanceof SyntaxError) throw new JsonDecodeError(syntaxMessage(text, error.message));
    throw error;
  }
}

/** What Go says where this engine's message begins so. */
const syntaxContexts: readonly (readonly [start: RegExp, context: string])[] = [
  [/^Expected (double-quoted )?property name/, 'looking for beginning of object key string'],
  [/^Expected ',' or '}'/, 'after object key:value pair'],
  [/^Expected ',' or '\]'/, 'after array element'],
  [/^Expected ':'/, 'after object key'],
  [/^Unexpected non-whitespace/, 'after top-level value'],
  [/^Bad (control|escaped)/, 'in string literal'],
];

function syntaxMessage(text: string, message: string): string {
  const position = Number(/ at position ([0-9]+)/.exec(message)?.[1] ?? Number.NaN);
  if (/end of JSON input|^Unterminated/.test(message) || position >= text.length) return 'unexpected end of JSON input';
  const character = /^Unexpected token '(.)'/su.exec(message)?.[1] ?? text[position] ?? '';
  const context = syntaxContexts.find(([start]) => start.test(message))?.[1] ?? 'looking for beginning of value';
  return `invalid character '${character}' ${context}`;
}

interface Place {
  /** The innermost struct's short name, as Go's message has it. */
  readonly struct: string | undefined;
  readonly path: readonly string[];
}

function decodeValue(value: unknown, shape: Shape, place: Place): unknown {
  if (value === null) return undefined;
  if (shape.kind === 'duration') return decodeSeconds(value);
  if (shape.kind === 'struct') return decodeStruct(value, shape, place);
  if (shape.kind === 'list') {
    if (!Array.isArray(value)) throw mismatch(value, shape, place);
    return value.map((item) => decodeValue(item, shape.of, place) ?? zeroOf(shape.of));
  }
  const scalar = decodeScalar(value, shape.kind);
  if (scalar === undefined) throw mismatch(value, shape, place);
  return scalar;
}

function decodeStruct(value: unknown, shape: StructShape, place: Place): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof JsonNumber)
    throw mismatch(value, shape, place);
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const name = fieldName(shape, key);
    const field = name === undefined ? undefined : shape.fields[name];
    if (name === undefined || field === undefined) continue;
    const struct = shape.name.replace(/^.*\./, '');
    const decoded = decodeValue(item, field, { struct, path: [...place.path, name] });
    if (decoded !== undefined) out[name] = decoded;
  }
  return out;
}

function fieldName(shape: StructShape, key: string): string | undefined {
  if (Object.hasOwn(shape.fields, key)) return key;
  const folded = key.toLowerCase();
  return Object.keys(shape.fields).find((name) => name.toLowerCase() === folded);
}

function decodeSeconds(value: unknown): number {
  const source = value instanceof JsonNumber ? value.source : JSON.stringify(value);
  if (!/^[+-]?[0-9]+$/.test(source))
    throw new JsonDecodeError(`strconv.ParseInt: parsing ${goQuote(source)}: invalid syntax`);
  const seconds = Number(source);
  if (Math.abs(seconds) > 2 ** 63 / 1e9)
    throw new JsonDecodeError(`strconv.ParseInt: parsing ${goQuote(source)}: value out of range`);
  return seconds;
}

function decodeScalar(value: unknown, kind: 'string' | 'bool' | 'int' | 'uint' | 'uint64'): unknown {
  if (kind === 'string') return typeof value === 'string' ? value : undefined;
  if (kind === 'bool') return typeof value === 'boolean' ? value : undefined;
  if (!(value instanceof JsonNumber)) return undefined;
  const pattern = kind === 'int' ? /^-?[0-9]{1,18}$/ : /^[0-9]{1,19}$/;
  return pattern.test(value.source) ? Number(value.source) : undefined;
}

/** What Go leaves in a list for a JSON null. */
function zeroOf(shape: Shape): unknown {
  if (shape.kind === 'string') return '';
  if (shape.kind === 'bool') return false;
  return shape.kind === 'struct' || shape.kind === 'list' ? {} : 0;
}

function mismatch(value: unknown, shape: Shape, place: Place): JsonDecodeError {
  const type = shape.kind === 'list' || shape.kind === 'struct' ? shape.name : shape.kind;
  const into =
    place.struct === undefined
      ? `Go value of type ${type}`
      : `Go struct field ${place.struct}.${place.path.join('.')} of type ${type}`;
  return new JsonDecodeError(`json: cannot unmarshal ${describe(value, shape)} into ${into}`);
}

function describe(value: unknown, shape: Shape): string {
  if (Array.isArray(value)) return 'array';
  if (value instanceof JsonNumber) return /int/.test(shape.kind) ? `number ${value.source}` : 'number';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}
