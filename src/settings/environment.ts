// Environment variables as settings: SALLYPORT_ plus the key, `__` between levels, typed by the schema. Pure.
import { ValidationError } from '../errors.ts';
import { nearest } from '../nearest.ts';

/** A JSON Schema node, as far as this file looks. */
interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly oneOf?: readonly SchemaNode[];
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
}

const prefix = 'SALLYPORT_';
/** Read by the program itself, not settings: which file to read. */
const reserved = new Set(['SALLYPORT_SETTINGS']);

/** The settings the environment names, as a partial settings file; throws ValidationError on a name that means nothing or a value that cannot be read. */
export function settingsFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  schema: SchemaNode,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || reserved.has(name) || text === undefined || text === '') continue;
    const path = name.slice(prefix.length).toLowerCase().split('__');
    const node = lookUp(schema, path);
    if (node === undefined) throw unknownName(name, schema);
    assign(result, path, readValue(name, text, resolve(node, schema)));
  }
  return result;
}

/** Every variable name the schema allows. */
export function environmentNames(schema: SchemaNode, root: SchemaNode = schema, at = prefix): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const name = at + key.toUpperCase();
    const node = resolve(child, root);
    return [name, ...(node.properties === undefined ? [] : environmentNames(node, root, `${name}__`))];
  });
}

function lookUp(schema: SchemaNode, path: readonly string[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const key of path) {
    const properties: Readonly<Record<string, SchemaNode>> | undefined = node && resolve(node, schema).properties;
    node = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
  }
  return node;
}

function resolve(node: SchemaNode, root: SchemaNode): SchemaNode {
  const name = node.$ref?.replace('#/definitions/', '');
  return name === undefined ? node : (root.definitions?.[name] ?? node);
}

function readValue(name: string, text: string, node: SchemaNode): unknown {
  switch (node.type) {
    case 'boolean':
      return readBoolean(name, text);
    case 'integer':
    case 'number':
      return Number.isFinite(Number(text))
        ? Number(text)
        : fail(name, `"${text.slice(0, 40)}" is not a number`, 'write digits');
    case 'array':
      return text.trimStart().startsWith('[') ? readJson(name, text) : text.split(',').map((part) => part.trim());
    case 'object':
      return readJson(name, text);
    default:
      return text;
  }
}

function readBoolean(name: string, text: string): boolean {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  if (/^(false|0|no|off)$/i.test(text)) return false;
  return fail(name, `"${text.slice(0, 40)}" is neither true nor false`, 'write true or false');
}

function readJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message would quote the text, which may hold a secret.
    return fail(name, 'the value is not JSON', 'write it as JSON, or put it in the settings file');
  }
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const next = typeof target[key] === 'object' && target[key] !== null ? (target[key] as Record<string, unknown>) : {};
  target[key] = next;
  assign(next, rest, value);
}

function unknownName(name: string, schema: SchemaNode): ValidationError {
  const close = nearest(name, environmentNames(schema));
  return new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: `${name} is not a setting`,
    where: 'environment',
    hint: close === undefined ? 'see `sallyport settings schema`' : `did you mean ${close}?`,
  });
}

function fail(name: string, message: string, hint: string): never {
  throw new ValidationError({ code: 'E_SETTINGS_INVALID', message: `${name}: ${message}`, where: 'environment', hint });
}
