// YAML text as a small tree that keeps line numbers and scalar types the way cloudflared's YAML reader sees them, with its messages. Pure.
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { tagOf } from './yaml-scalar.ts';

/** A node; `line` counts from 1, `tag` is YAML's short form (`!!int`). An alias points at the node it stands for. */
export type YamlNode = YamlScalar | YamlSequence | YamlMapping | YamlAlias;

/** A text and the type its look gives it; quoted texts are `!!str`. */
export interface YamlScalar {
  readonly kind: 'scalar';
  readonly line: number;
  readonly text: string;
  readonly tag: string;
}

/** A list. */
export interface YamlSequence {
  readonly kind: 'sequence';
  readonly line: number;
  readonly items: readonly YamlNode[];
}

/** Keys and values in their order, repeated keys included. */
export interface YamlMapping {
  readonly kind: 'mapping';
  readonly line: number;
  readonly pairs: readonly (readonly [key: YamlNode, value: YamlNode])[];
}

/** A reference to an anchored node, possibly to one that contains it. */
export interface YamlAlias {
  readonly kind: 'alias';
  readonly line: number;
  readonly name: string;
  readonly target: YamlNode;
}

/** Text that is no YAML; the message is what cloudflared prints after "yaml: ". */
export class YamlSyntaxError extends Error {}

/** The first document of a text, or undefined when there is none at all. Throws YamlSyntaxError. */
export function parseYamlTree(text: string): YamlNode | undefined {
  const lines = new LineCounter();
  try {
    const document = firstDocument(text, lines);
    if (document === undefined) return undefined;
    checkNames(document, lines);
    const [error] = document.errors;
    if (error !== undefined) throw syntaxError(error, lines);
    return new TreeReader(lines).read(document.contents);
  } catch (error) {
    // Thousands of nested brackets exhaust the stack of a recursive reader; cloudflared's limit is 10,000 levels.
    if (error instanceof RangeError) throw new YamlSyntaxError('exceeded max depth of 10000');
    throw error;
  }
}

function firstDocument(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  const documents = parseAllDocuments(text, {
    lineCounter,
    schema: 'failsafe',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  return Array.isArray(documents) ? documents[0] : undefined;
}

/** cloudflared's reader allows fewer names than YAML 1.2 does: that is why an unquoted `*.example.com` is refused. */
function checkNames(document: Document.Parsed, lines: LineCounter): void {
  const check = (name: string | undefined, node: Positioned) => {
    if (name === undefined || /^[A-Za-z0-9_-]+$/.test(name)) return;
    throw new YamlSyntaxError(atLine(lineOf(node, lines), 'did not find expected alphabetic or numeric character'));
  };
  visit(document, {
    Alias: (_, alias) => check(alias.source, alias),
    Value: (_, node) => check(node.anchor, node),
  });
}

class TreeReader {
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, YamlNode>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  read(node: unknown, fallbackLine = 1): YamlNode {
    if (isAlias(node)) return this.#alias(node);
    if (isMap(node)) return this.#mapping(node);
    if (isSeq(node)) return this.#sequence(node);
    return this.#scalar(node, fallbackLine);
  }

  #alias(node: Alias): YamlAlias {
    const target = this.#anchors.get(node.source);
    if (target === undefined) throw new YamlSyntaxError(`unknown anchor '${node.source}' referenced`);
    return { kind: 'alias', line: lineOf(node, this.#lines), name: node.source, target };
  }

  #mapping(node: YAMLMap): YamlMapping {
    const pairs: [YamlNode, YamlNode][] = [];
    const mapping: YamlMapping = { kind: 'mapping', line: lineOf(node, this.#lines), pairs };
    this.#name(node.anchor, mapping);
    for (const pair of node.items) {
      const key = this.read(pair.key, mapping.line);
      pairs.push([key, this.read(pair.value, key.line)]);
    }
    return mapping;
  }

  #sequence(node: YAMLSeq): YamlSequence {
    const items: YamlNode[] = [];
    const sequence: YamlSequence = { kind: 'sequence', line: lineOf(node, this.#lines), items };
    this.#name(node.anchor, sequence);
    for (const item of node.items) items.push(this.read(item, sequence.line));
    return sequence;
  }

  #scalar(node: unknown, fallbackLine: number): YamlScalar {
    if (!isScalar(node)) return { kind: 'scalar', line: fallbackLine, text: '', tag: '!!null' };
    const text = typeof node.value === 'string' ? node.value : '';
    const isPlain = node.type === 'PLAIN' || node.type === undefined || node.type === null;
    const scalar: YamlScalar = {
      kind: 'scalar',
      line: lineOf(node, this.#lines),
      text,
      tag: shortTag(node.tag) ?? (isPlain ? tagOf(text) : '!!str'),
    };
    this.#name(node.anchor, scalar);
    return scalar;
  }

  /** Called before a collection's content is read, so that an alias inside it finds it. */
  #name(anchor: string | undefined, node: YamlNode): void {
    if (anchor !== undefined) this.#anchors.set(anchor, node);
  }
}

function shortTag(tag: string | undefined): string | undefined {
  if (tag === undefined || tag === '!') return undefined;
  return tag.startsWith('tag:yaml.org,2002:') ? `!!${tag.slice('tag:yaml.org,2002:'.length)}` : tag;
}

interface Positioned {
  readonly range?: readonly [number, number, number] | null | undefined;
}

function lineOf(node: Positioned, lines: LineCounter): number {
  return lines.linePos(node.range?.[0] ?? 0).line;
}

/** The first line gets no mention: cloudflared's reader prints no line for it. */
function atLine(line: number, problem: string): string {
  return line > 1 ? `line ${line}: ${problem}` : problem;
}

/** This parser's finding in the words of cloudflared's. Where the two parsers stop differs, the line is this parser's. */
function syntaxError(error: YAMLError, lines: LineCounter): YamlSyntaxError {
  return new YamlSyntaxError(atLine(lines.linePos(error.pos[0]).line, problemOf(error)));
}

function problemOf(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
    case 'BAD_SCALAR_START':
      return 'found character that cannot start any token';
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return 'mapping values are not allowed in this context';
    case 'BAD_DQ_ESCAPE':
      return 'found unknown escape character';
    case 'BAD_ALIAS':
      return 'did not find expected alphabetic or numeric character';
    case 'MISSING_CHAR':
      return missingCharacter(error.message);
    case 'BAD_INDENT':
      if (error.message.startsWith('Flow sequence')) return "did not find expected ',' or ']'";
      if (error.message.startsWith('Flow map')) return "did not find expected ',' or '}'";
      return 'did not find expected key';
    default:
      return 'did not find expected key';
  }
}

function missingCharacter(message: string): string {
  if (message.startsWith('Missing closing')) return 'found unexpected end of stream';
  if (message.startsWith('Sequence item')) return "did not find expected '-' indicator";
  if (message.startsWith('Flow sequence')) return "did not find expected ',' or ']'";
  if (message.startsWith('Flow map')) return "did not find expected ',' or '}'";
  return "could not find expected ':'";
}
