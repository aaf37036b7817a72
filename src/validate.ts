// The one Ajv instance, and the one way every boundary uses it: parse(schema, input) gives a typed value or a ValidationError.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { type ErrorCode, ValidationError } from './errors.ts';
import { nearest } from './nearest.ts';

/** A JSON Schema whose checked values have type T. */
export interface Schema<T> {
  readonly schema: Record<string, unknown>;
  /** Only carries the type. */
  readonly type?: T;
}

const options = {
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  useDefaults: true,
  // Errors carry the schema they come from: behind a $ref their schema path alone no longer leads there.
  verbose: true,
  keywords: ['x-reload', 'x-secret'],
};
const strictAjv = new Ajv(options);
const coercingAjv = new Ajv({ ...options, coerceTypes: true });
addFormats.default(strictAjv);
addFormats.default(coercingAjv);

const compiled = new WeakMap<object, ValidateFunction>();

/** Names the type a JSON Schema stands for. */
export function schemaOf<T>(schema: Record<string, unknown>): Schema<T> {
  return { schema };
}

/** Where a value came from, for the error. */
export interface ParseOptions {
  /** A file, container or label. */
  readonly where: string;
  readonly code?: ErrorCode;
  /** Strings become numbers and booleans where the schema wants them; for input that can only be strings. */
  readonly coerce?: boolean;
}

/** The input as T, defaults filled in on a copy; throws ValidationError naming the first few problems, each with its JSON pointer. */
export function parse<T>(schema: Schema<T>, input: unknown, options: ParseOptions): T {
  const value: unknown = structuredClone(input);
  const validate = compile(schema.schema, options.coerce === true);
  if (validate(value)) return value as T;
  const errors = withoutSummaries(validate.errors ?? []);
  throw new ValidationError({
    code: options.code ?? 'E_INPUT_INVALID',
    message: errors.slice(0, 3).map(describe).join('; '),
    where: options.where,
    hint: hintFor(errors),
  });
}

function compile(schema: Record<string, unknown>, coerce: boolean): ValidateFunction {
  if (coerce) return coercingAjv.compile(schema);
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const fresh = strictAjv.compile(schema);
  compiled.set(schema, fresh);
  return fresh;
}

/** That none of several forms fits says less than why each of them does not. */
function withoutSummaries(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const reasons = errors.filter(({ keyword }) => keyword !== 'oneOf' && keyword !== 'anyOf');
  return reasons.length === 0 ? errors : reasons;
}

function describe(error: ErrorObject): string {
  const at = error.instancePath === '' ? '/' : error.instancePath;
  if (error.keyword === 'additionalProperties')
    return `${at}: unknown key "${String(error.params.additionalProperty)}"`;
  if (error.keyword === 'enum') return `${at}: must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`;
  return `${at}: ${error.message ?? error.keyword}`;
}

function hintFor(errors: readonly ErrorObject[]): string | undefined {
  const unknown = errors.find((error) => error.keyword === 'additionalProperties');
  if (unknown === undefined) return nearestAllowed(errors) ?? meaning(errors);
  const names = Object.keys((unknown.parentSchema?.properties as Record<string, unknown> | undefined) ?? {});
  const close = nearest(String(unknown.params.additionalProperty), names);
  return close === undefined ? `valid names are ${names.join(', ')}` : `did you mean "${close}"?`;
}

/** The value of a fixed list that a mistyped one was most likely meant to be. */
function nearestAllowed(errors: readonly ErrorObject[]): string | undefined {
  const error = errors.find(({ keyword, data }) => keyword === 'enum' && typeof data === 'string');
  if (error === undefined) return undefined;
  const allowed = (error.params.allowedValues as unknown[]).filter((value) => typeof value === 'string');
  const close = nearest(String(error.data), allowed);
  return close === undefined ? undefined : `did you mean "${close}"?`;
}

/** What the schema says the value is for: more use to a person than a pattern. */
function meaning(errors: readonly ErrorObject[]): string | undefined {
  const texts = errors.map(
    (error) => (error.parentSchema as { readonly description?: unknown } | undefined)?.description,
  );
  return texts.find((text) => typeof text === 'string')?.replace(/\.$/, '');
}
