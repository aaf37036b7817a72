// What of a host one entry answers all of, and whether an exception from login reaches beyond that. Pure.
import type { IngressRule } from '../model.ts';

/** The plain text every path of the rule begins with, where also every path beginning with it is the rule's; undefined when that is not so. */
export function ownPrefix({ path }: IngressRule): string | undefined {
  if (path === undefined) return '';
  return /^\^\/[A-Za-z0-9/_~-]*$/.test(path) ? path.slice(1) : undefined;
}

/** Whether an exception reaches into the part of the host with this prefix. One further down has a more specific application of its own. */
export function isOpened(
  prefix: string,
  exception: { readonly literal: string; readonly hasWildcard: boolean },
): boolean {
  if (exception.literal.startsWith(prefix)) return true;
  if (!prefix.startsWith(exception.literal)) return false;
  return exception.hasWildcard || trimmed(prefix.slice(exception.literal.length)) === '';
}

/** A path without the slashes it ends in. */
export function trimmed(path: string): string {
  return path.replace(/\/+$/, '');
}
