// A YAML tree read into a shape the way cloudflared reads it: loose about scalars, strict about units, all problems listed at once. Pure.
import type { Shape, StructShape } from './config-shape.ts';
import { parseGoDuration } from './duration.ts';
import { goQuote } from './go-text.ts';
import { parseYamlBoolean, parseYamlFloat, parseYamlInteger } from './yaml-scalar.ts';
import { type YamlMapping, type YamlNode, type YamlScalar, YamlSyntaxError } from './yaml-tree.ts';

/** What reading gave: the values, what cloudflared refuses, and what it only warns about. */
export interface Decoded {
  readonly value: Readonly<Record<string, unknown>>;
  /** Keys an open shape does not know, as plain values. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** "line 3: cannot unmarshal …"; the file is refused when there is one. */
  readonly errors: readonly string[];
  /** "line 2: field x not found in type …" */
  readonly unknownFields: readonly string[];
}

/** Aliased nodes a document may be expanded to. */
const maxAliasedNodes = 100_000;

/** Reads a document's root. Throws YamlSyntaxError for aliases that cannot be followed. */
export function decodeYaml(root: YamlNode, shape: StructShape): Decoded {
  const decoder = new Decoder();
  const value = decoder.decode(root, shape);
  return {
    value: isRecord(value) ? value : {},
    settings: decoder.settings,
    errors: decoder.errors,
    unknownFields: decoder.unknownFields,
  };
}

const nothing = Symbol('null or refused');

class Decoder {
  readonly errors: string[] = [];
  readonly unknownFields: string[] = [];
  readonly settings: Record<string, unknown> = {};
  readonly #open = new Set<YamlNode>();
  #aliased = 0;

  /** The value, or `nothing` where the node is null (the field stays unset) or was refused. */
  decode(node: YamlNode, shape: Shape): unknown {
    if (this.#open.size > 0 && ++this.#aliased > maxAliasedNodes)
      throw new YamlSyntaxError('document contains excessive aliasing');
    if (node.kind === 'alias') return this.#follow(node, (target) => this.decode(target, shape));
    if (node.kind === 'scalar' && node.tag === '!!null') return nothing;
    if (shape.kind === 'struct' && node.kind === 'mapping') return this.#struct(node, shape);
    if (shape.kind === 'list' && node.kind === 'sequence')
      return node.items.map((item) => this.decode(item, shape.of)).filter((item) => item !== nothing);
    const value = node.kind === 'scalar' ? scalarValue(node, shape) : undefined;
    if (value !== undefined) return value;
    this.errors.push(`line ${node.line}: cannot unmarshal ${describe(node)} into ${typeName(shape)}`);
    return nothing;
  }

  #struct(node: YamlMapping, shape: StructShape): unknown {
    const repeated = repeatedKeys(node);
    this.errors.push(...repeated);
    if (repeated.length > 0) return nothing;
    const out: Record<string, unknown> = {};
    for (const [key, value] of this.#pairs(node)) {
      const name = key.text;
      const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
      if (field !== undefined) {
        const decoded = this.decode(value, field);
        if (decoded !== nothing) out[name] = decoded;
      } else if (shape.open === true) {
        define(this.settings, name, this.#plain(value));
      } else {
        this.unknownFields.push(`line ${key.line}: field ${name} not found in type ${shape.name}`);
      }
    }
    return out;
  }

  /** The pairs with `<<` resolved: own keys win, then the first mapping merged. */
  #pairs(node: YamlMapping): (readonly [YamlScalar, YamlNode])[] {
    const pairs: (readonly [YamlScalar, YamlNode])[] = [];
    const names = new Set<string>();
    const merges: YamlNode[] = [];
    for (const [key, value] of node.pairs) {
      const scalar = this.#keyOf(key);
      if (scalar === undefined) continue;
      if (scalar.tag === '!!merge') merges.push(value);
      else {
        names.add(scalar.text);
        pairs.push([scalar, value]);
      }
    }
    for (const merge of merges)
      for (const pair of this.#merged(merge)) {
        if (names.has(pair[0].text)) continue;
        names.add(pair[0].text);
        pairs.push(pair);
      }
    return pairs;
  }

  #keyOf(key: YamlNode): YamlScalar | undefined {
    if (key.kind === 'alias') return this.#follow(key, (target) => this.#keyOf(target));
    if (key.kind === 'scalar') return key.tag === '!!null' ? undefined : key;
    this.errors.push(`line ${key.line}: cannot unmarshal ${describe(key)} into string`);
    return undefined;
  }

  #merged(node: YamlNode): (readonly [YamlScalar, YamlNode])[] {
    if (node.kind === 'alias' && node.target.kind === 'mapping')
      return this.#follow(node, (target) => this.#merged(target));
    if (node.kind === 'mapping') return this.#pairs(node);
    if (node.kind === 'sequence') return node.items.flatMap((item) => this.#merged(item));
    throw new YamlSyntaxError('map merge requires map or sequence of maps as the value');
  }

  #plain(node: YamlNode): unknown {
    if (this.#open.size > 0 && ++this.#aliased > maxAliasedNodes)
      throw new YamlSyntaxError('document contains excessive aliasing');
    switch (node.kind) {
      case 'alias':
        return this.#follow(node, (target) => this.#plain(target));
      case 'sequence':
        return node.items.map((item) => this.#plain(item));
      case 'mapping': {
        const out: Record<string, unknown> = {};
        for (const [key, value] of this.#pairs(node)) define(out, key.text, this.#plain(value));
        return out;
      }
      case 'scalar':
        return plainScalar(node);
    }
  }

  #follow<T>(alias: YamlNode & { kind: 'alias' }, read: (target: YamlNode) => T): T {
    if (this.#open.has(alias)) throw new YamlSyntaxError(`anchor '${alias.name}' value contains itself`);
    this.#open.add(alias);
    const value = read(alias.target);
    this.#open.delete(alias);
    return value;
  }
}

/** Sets an own property even when the document's key is `__proto__`. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function repeatedKeys(node: YamlMapping): string[] {
  const firstLines = new Map<string, number>();
  const errors: string[] = [];
  for (const [key] of node.pairs) {
    if (key.kind !== 'scalar') continue;
    const first = firstLines.get(key.text);
    if (first === undefined) firstLines.set(key.text, key.line);
    else errors.push(`line ${key.line}: mapping key ${goQuote(key.text)} already defined at line ${first}`);
  }
  return errors;
}

function scalarValue(node: YamlScalar, shape: Shape): unknown {
  switch (shape.kind) {
    case 'string':
      return node.tag === '!!binary' ? Buffer.from(node.text, 'base64').toString('utf8') : node.text;
    case 'bool':
      return booleanValue(node);
    case 'duration':
      return node.tag === '!!str' ? parseGoDuration(node.text) : undefined;
    case 'int':
      return numberValue(node, -(2n ** 63n), 2n ** 63n - 1n);
    case 'uint':
    case 'uint64':
      return numberValue(node, 0n, 2n ** 64n - 1n);
    case 'list':
    case 'struct':
      return undefined;
  }
}

/** yes/no/on/off become booleans only where a boolean is wanted, quoted or not. */
function booleanValue(node: YamlScalar): boolean | undefined {
  if (node.tag === '!!bool') return parseYamlBoolean(node.text);
  if (node.tag !== '!!str') return undefined;
  if (['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].includes(node.text)) return true;
  if (['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].includes(node.text)) return false;
  return undefined;
}

function numberValue(node: YamlScalar, least: bigint, most: bigint): number | undefined {
  const float = node.tag === '!!float' ? parseYamlFloat(node.text) : undefined;
  const value =
    float !== undefined && Number.isFinite(float)
      ? BigInt(Math.trunc(float))
      : node.tag === '!!int'
        ? parseYamlInteger(node.text)
        : undefined;
  return value !== undefined && value >= least && value <= most ? Number(value) : undefined;
}

function plainScalar(node: YamlScalar): unknown {
  switch (node.tag) {
    case '!!null':
      return null;
    case '!!bool':
      return parseYamlBoolean(node.text) ?? node.text;
    case '!!int':
      return Number(parseYamlInteger(node.text) ?? node.text);
    case '!!float':
      return parseYamlFloat(node.text) ?? node.text;
    default:
      return node.text;
  }
}

function describe(node: YamlNode): string {
  if (node.kind === 'sequence') return '!!seq';
  if (node.kind !== 'scalar') return '!!map';
  const text = Buffer.byteLength(node.text) > 10 ? `${Buffer.from(node.text).subarray(0, 7).toString()}...` : node.text;
  return `${node.tag} \`${text}\``;
}

function typeName(shape: Shape): string {
  if (shape.kind === 'duration') return 'time.Duration';
  return shape.kind === 'list' || shape.kind === 'struct' ? shape.name : shape.kind;
}
