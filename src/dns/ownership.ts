// Whose a DNS record is, written in its comment: `sallyport owner=<id> resource=<service id>`. Pure.
import { ValidationError } from '../errors.ts';
import type { Owner, ServiceId } from '../model.ts';

/** Cloudflare's limit for a comment on the free plan. */
export const maxCommentLength = 100;

/** What an owner id may look like: it is read back from comments, so it must not contain a space, and leaves room for the resource. */
const ownerId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;
const mark = /^sallyport owner=([A-Za-z0-9][A-Za-z0-9._-]{0,39}) resource=([!-~]+\/[!-~]+)$/;
const hashLength = 8;

/** The id as it is; throws ValidationError when it could not be read back from a comment. */
export function checkOwnerId(id: string): string {
  if (ownerId.test(id)) return id;
  throw new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: `"${id.slice(0, 80)}" cannot be an owner id`,
    where: 'owner',
    hint: 'use up to 40 letters, digits, dots, dashes and underscores, beginning with a letter or digit',
  });
}

/** The comment that marks a record as ours. A long service id is cut and ends in a hash of the whole, the owner never is. */
export function formatMark(owner: Owner): string {
  const head = `sallyport owner=${checkOwnerId(owner.id)} resource=`;
  return head + shorten(owner.resource, maxCommentLength - head.length);
}

/** The owner a comment names, its resource possibly shortened; undefined for every comment that is not exactly a mark. */
export function parseMark(comment: string | null | undefined): Owner | undefined {
  const found = mark.exec(comment ?? '');
  const [, id, resource] = found ?? [];
  return id === undefined || !isServiceId(resource) ? undefined : { id, resource };
}

/** Whether two marks say the same, one of them possibly shortened. */
export function isSameMark(a: Owner | undefined, b: Owner | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return formatMark(a) === formatMark(b);
}

/** Whether a text has the form of a service id. */
export function isServiceId(text: string | undefined): text is ServiceId {
  return text?.includes('/') === true;
}

/** A resource without `forbidden` characters, by default all but printable ASCII, at most `room` long, still with its slash. */
export function shorten(resource: string, room: number, forbidden: RegExp = /[^!-~]/g): string {
  const plain = resource.replaceAll(forbidden, '_');
  if (plain === resource && plain.length <= room) return plain;
  const tail = `~${hash(resource)}`;
  const slash = plain.indexOf('/');
  const cut = plain.slice(0, room - tail.length);
  // A source's name so long that the slash itself was cut keeps only the beginning of it.
  return slash < cut.length - 1 ? cut + tail : `${cut.slice(0, -1)}/${tail.slice(1)}`;
}

/** FNV-1a over UTF-16 units, as hex: tells cut ids apart, protects nothing. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value >>> 0).toString(16).padStart(hashLength, '0');
}
