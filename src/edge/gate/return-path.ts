// Where a visitor goes back to after he has logged in: a path of the same host, never anything else. Pure.

const maxLength = 2_048;
/** Whatever host it is taken for, it must stay that one. */
const base = 'https://stays.invalid';

/** The path and query to return to; `/` for whatever could lead elsewhere or back into the login. */
export function returnPath(target: string | undefined | null): string {
  if (target === undefined || target === null || target.length > maxLength) return '/';
  // Browsers read a backslash as a slash, and drop tabs and line ends.
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(target) || !URL.canParse(target, base)) return '/';
  const url = new URL(target, base);
  const path = url.pathname + url.search;
  return url.origin === base && !path.startsWith('//') && !path.startsWith('/cdn-cgi/') ? path : '/';
}
