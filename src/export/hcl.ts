// Terraform's language: values and blocks to text as `terraform fmt` would lay it out. Strings may hold anything. Pure.
import { comments } from './comment.ts';

/** An expression as it stands, such as `var.account_id`; never made of anything that came from outside. */
export class Expression {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value. */
export type HclValue = string | number | boolean | Expression | readonly HclValue[] | HclObject;

/** Attributes of a block, or an object. */
export interface HclObject {
  readonly [key: string]: HclValue;
}

/** `type "label" { … }`, with comment lines before it. */
export interface Block {
  readonly type: string;
  readonly labels?: readonly string[];
  readonly body: HclObject;
  readonly blocks?: readonly Block[];
  readonly comment?: readonly string[];
}

/** Blocks as a file. */
export function renderBlocks(blocks: readonly Block[]): string {
  return blocks.map((block) => `${renderBlock(block, '')}\n`).join('\n');
}

/** A string as a quoted one: `${` and `%{` in it begin nothing. */
export function quoteHcl(text: string): string {
  const escaped = text
    .toWellFormed()
    .replace(/["\\]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replace(/[$%](?=\{)/g, '$&$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g, escapeCode);
  return `"${escaped}"`;
}

/** Data of the API as a value; what is null or absent is left out. */
export function toHcl(value: unknown): HclValue | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) return value.flatMap((item) => toHcl(item) ?? []);
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const converted = toHcl(item);
      return converted === undefined ? [] : [[key, converted] as const];
    }),
  );
}

function escapeCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function renderBlock(block: Block, indent: string): string {
  const labels = (block.labels ?? []).map((label) => ` ${quoteHcl(label)}`).join('');
  const inner = `${indent}  `;
  const attributes = renderAttributes(block.body, inner);
  const nested = (block.blocks ?? []).map((one) => renderBlock(one, inner));
  const parts = [...(attributes === '' ? [] : [attributes]), ...nested];
  const comment = comments(block.comment ?? []).replaceAll(/^(?=.)/gm, indent);
  if (parts.length === 0) return `${comment}${indent}${block.type}${labels} {\n${indent}}`;
  return `${comment}${indent}${block.type}${labels} {\n${parts.join('\n\n')}\n${indent}}`;
}

/** `terraform fmt` lines up the equals signs of neighbouring lines; one that opens a bracket stands alone. */
function renderAttributes(body: HclObject, indent: string): string {
  const items = Object.entries(body).map(([key, value]) => ({
    key: renderKey(key),
    value: renderValue(value, indent),
  }));
  const lines: string[] = [];
  for (let at = 0; at < items.length; ) {
    const end = items.findIndex((item, index) => index >= at && item.value.includes('\n'));
    const group = items.slice(at, end === -1 ? undefined : end);
    const width = Math.max(0, ...group.map(({ key }) => key.length));
    lines.push(...group.map(({ key, value }) => `${indent}${key.padEnd(width)} = ${value}`));
    const alone = items[end];
    if (end === -1 || alone === undefined) break;
    lines.push(`${indent}${alone.key} = ${alone.value}`);
    at = end + 1;
  }
  return lines.join('\n');
}

function renderKey(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? key : quoteHcl(key);
}

function renderValue(value: HclValue, indent: string): string {
  if (value instanceof Expression) return value.text;
  if (typeof value === 'string') return quoteHcl(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isList(value)) return renderList(value, indent);
  const inner = renderAttributes(value, `${indent}  `);
  return inner === '' ? '{}' : `{\n${inner}\n${indent}}`;
}

function renderList(items: readonly HclValue[], indent: string): string {
  const rendered = items.map((item) => renderValue(item, `${indent}  `));
  if (rendered.every((text) => !text.includes('\n'))) return `[${rendered.join(', ')}]`;
  return `[\n${rendered.map((text) => `${indent}  ${text},\n`).join('')}${indent}]`;
}

/** `Array.isArray` does not know of readonly ones. */
function isList(value: readonly HclValue[] | HclObject): value is readonly HclValue[] {
  return Array.isArray(value);
}
