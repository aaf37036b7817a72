// Settings as they may be shown: secrets masked, and put back when somebody saves what he was shown. Pure.
import { isDeepStrictEqual } from 'node:util';
import { ValidationError } from '../errors.ts';
import { shownUrl } from '../ingress/shown-url.ts';
import { Refusal } from './refusal.ts';

/** Stands for a secret that is set. */
export const masked = '[secret]';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Only the file itself may change these: where another file is read or code is run, where tokens are sent, and who may come in here. A
 * session that somebody took over must not be worth more than the page.
 */
const fixed: readonly string[] = [
  'data_dir',
  'plugins',
  'docker',
  'cloudflare.api_url',
  'cloudflare.edge',
  'cloudflare.edge_ca',
  'embedded_edge.certificates',
  'web.ingress_proxy',
  'web.password_hash',
];

/** Whether only the file itself may change what is at this path, written with dots. */
export function isFixed(path: string): boolean {
  return (
    /(?:^|\.)(?:[a-z_]+_file|caPool)$/.test(path) || fixed.some((one) => path === one || path.startsWith(`${one}.`))
  );
}

/** The names of keys that hold secrets, as the schema marks them. */
export function secretKeys(schema: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk);
    if (!isFields(node)) return;
    const properties = isFields(node.properties) ? node.properties : {};
    for (const [key, value] of Object.entries(properties))
      if (isFields(value) && value['x-secret'] === true) found.add(key);
    Object.values(node).forEach(walk);
  };
  walk(schema);
  return found;
}

/** The values with every secret masked, and no user or password in any address. */
export function maskSettings(value: unknown, secrets: ReadonlySet<string>, key = ''): unknown {
  if (typeof value === 'string') return secrets.has(key) ? masked : shownUrl(value);
  if (Array.isArray(value)) return value.map((item) => maskSettings(item, secrets, key));
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskSettings(item, secrets, name)]));
}

/** What was sent, with what was masked in it as it was before. Throws ValidationError where that cannot be known. */
export function unmaskSettings(sent: Fields, before: Fields, secrets: ReadonlySet<string>): Fields {
  const restored = restore(sent, before, secrets, '') as Fields;
  const left = maskedPath(restored, '');
  if (left === undefined) return restored;
  throw new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: 'a secret that is hidden belongs to something that was changed',
    where: left,
    hint: 'write the secret again',
  });
}

/** Throws a Refusal when something differs that only the file may change. */
export function checkFixed(before: Fields, after: Fields, at = ''): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const path = `${at}${key}`;
    if (isDeepStrictEqual(before[key], after[key])) continue;
    if (isFixed(path)) throw onlyInFile(path);
    checkParts(before[key], after[key], path);
  }
}

function checkParts(before: unknown, after: unknown, path: string): void {
  if (Array.isArray(before) || Array.isArray(after)) {
    const known = Array.isArray(before) ? before : [];
    for (const item of Array.isArray(after) ? after : [])
      if (isFields(item) && !known.some((old) => isDeepStrictEqual(old, item)))
        checkFixed(sameItem(item, known), item, `${path}.`);
  } else checkFixed(isFields(before) ? before : {}, isFields(after) ? after : {}, `${path}.`);
}

function onlyInFile(path: string): Refusal {
  return new Refusal({
    status: 403,
    code: 'E_FORBIDDEN',
    message: `${path} is changed only in the settings file itself`,
    hint: 'edit the file, and start the program again',
  });
}

function restore(sent: unknown, before: unknown, secrets: ReadonlySet<string>, key: string): unknown {
  if (typeof sent === 'string')
    return typeof before === 'string' && sent === maskSettings(before, secrets, key) ? before : sent;
  if (Array.isArray(sent)) {
    const known = Array.isArray(before) ? before : [];
    return sent.map((item) => {
      const same = known.find((old) => isDeepStrictEqual(maskSettings(old, secrets, key), item));
      return same ?? (isFields(item) ? restore(item, sameItem(item, known), secrets, key) : item);
    });
  }
  if (!isFields(sent)) return sent;
  const old = isFields(before) ? before : {};
  return Object.fromEntries(
    Object.entries(sent).map(([name, item]) => [name, restore(item, old[name], secrets, name)]),
  );
}

/** The item that was there under the same name; its place in the list says nothing, since lists are sorted and cut. */
function sameItem(item: Fields, known: readonly unknown[]): Fields {
  const names = ['name', 'email', 'zones'] as const;
  const name = names.find((one) => item[one] !== undefined);
  const same = known.filter(isFields).find((old) => name !== undefined && isDeepStrictEqual(old[name], item[name]));
  return same ?? {};
}

function maskedPath(value: unknown, at: string): string | undefined {
  if (typeof value === 'string') return value === masked || value.includes('//…@') ? at : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = maskedPath(item, `${at}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
