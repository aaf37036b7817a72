// What an Access application guards, as text: `host` or `host/path`, either with wildcards; which of two covers the other. Pure.

/** A place as it is compared with others': `host/api`, `host/api/` and `host/api*` are one. */
export function normalPlace(place: string): string {
  const { host, path } = splitPlace(place);
  return host + trimmedPath(path);
}

/** Whether both name one place. */
export function isSamePlace(a: string, b: string): boolean {
  return normalPlace(a) === normalPlace(b);
}

/** A place's host, in lower case, and its path. */
export function splitPlace(place: string): { readonly host: string; readonly path: string } {
  const slash = place.indexOf('/');
  if (slash === -1) return { host: place.toLowerCase(), path: '' };
  return { host: place.slice(0, slash).toLowerCase(), path: place.slice(slash) };
}

/** Whether `inner` is at the same host as `outer`, at its path or below. */
export function isWithin(inner: string, outer: string): boolean {
  const [around, within] = [splitPlace(outer), splitPlace(inner)];
  return around.host === within.host && within.path.startsWith(trimmedPath(around.path));
}

/** Whether `inner` is one of the names, and paths, a wildcard at `outer` stands for. */
export function isBelowWildcard(inner: string, outer: string): boolean {
  const [around, within] = [splitPlace(outer), splitPlace(inner)];
  return (
    around.host.includes('*') &&
    around.host !== within.host &&
    matches(around.host, within.host) &&
    within.path.startsWith(trimmedPath(around.path))
  );
}

/** The most specific of these places: a whole name before a wildcard, then the longer host, then the longer path. */
export function mostSpecific<T>(items: readonly T[], placeOf: (item: T) => string): T | undefined {
  const rank = (item: T): readonly number[] => {
    const { host, path } = splitPlace(placeOf(item));
    return [host.includes('*') ? 0 : 1, host.length, path.length];
  };
  return items.toSorted((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at === -1 ? 0 : (right[at] ?? 0) - (left[at] ?? 0);
  })[0];
}

/** Whether the pattern, in which `*` stands for any text, is the whole of the text. */
function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop() ?? '';
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function trimmedPath(path: string): string {
  return path.replace(/[/*]+$/, '');
}
