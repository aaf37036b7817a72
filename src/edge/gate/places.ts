// Which of the guarded places a request is for: whole host names before wildcards, then longer hosts, then longer paths. Pure.

/** A guarded place, made ready to be compared. */
export interface GuardedPlace<T> {
  readonly host: string;
  readonly isWildcard: boolean;
  /** "" for the whole host. */
  readonly path: string;
  readonly app: T;
}

/** Every guarded place. */
export interface PlaceIndex<T> {
  readonly exact: ReadonlyMap<string, readonly GuardedPlace<T>[]>;
  readonly wildcards: readonly GuardedPlace<T>[];
}

/** An index of `host/path` texts, most specific first. */
export function indexPlaces<T>(entries: readonly { readonly uri: string; readonly app: T }[]): PlaceIndex<T> {
  const places = entries.map(({ uri, app }) => placeOf(uri, app)).toSorted(bySpecificity);
  return {
    exact: Map.groupBy(
      places.filter(({ isWildcard }) => !isWildcard),
      ({ host }) => host,
    ),
    wildcards: places.filter(({ isWildcard }) => isWildcard),
  };
}

/** The places that may guard a host, most specific first; undefined when none does. */
export function placesOfHost<T>(index: PlaceIndex<T>, host: string): readonly GuardedPlace<T>[] | undefined {
  const exact = index.exact.get(host);
  if (index.wildcards.length === 0) return exact;
  const wild = index.wildcards.filter((place) => isGlob(place.host, host));
  if (exact === undefined) return wild.length === 0 ? undefined : wild;
  return [...exact, ...wild];
}

/**
 * The applications a visitor has to pass, the most specific first: for every reading of the path the one that guards it, taken by
 * the letter and taken broadly (`/API` and `/apis` may be `/api`). Empty: nothing guards it.
 */
export function guardsOf<T>(places: readonly GuardedPlace<T>[], readings: readonly string[]): readonly T[] {
  const [first] = places;
  if (first !== undefined && places.every(({ path }) => path === '')) return [first.app];
  const guards = new Set<T>();
  for (const reading of readings)
    for (const matches of [matchesExactly, matchesBroadly]) {
      const found = places.find((place) => matches(place.path, reading));
      if (found !== undefined) guards.add(found.app);
    }
  return [...guards];
}

function placeOf<T>(uri: string, app: T): GuardedPlace<T> {
  const slash = uri.indexOf('/');
  const host = (slash === -1 ? uri : uri.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? '' : uri.slice(slash);
  return { host, isWildcard: host.includes('*'), path: /^\/?\*?$/.test(path) ? '' : path, app };
}

function bySpecificity<T>(a: GuardedPlace<T>, b: GuardedPlace<T>): number {
  return Number(a.isWildcard) - Number(b.isWildcard) || b.host.length - a.host.length || b.path.length - a.path.length;
}

/** `/api` is itself and what is below it; `/share/*` is what is below; `/v1*` is what begins so. */
function matchesExactly(pattern: string, path: string): boolean {
  if (pattern === '') return true;
  const isOpenEnded = pattern.endsWith('*');
  const wanted = (isOpenEnded ? pattern.slice(0, -1) : pattern.replace(/\/$/, '')).split('/');
  const given = path.split('/');
  if (given.length < wanted.length) return false;
  return wanted.every((segment, at) => {
    const mayGoOn = isOpenEnded && at === wanted.length - 1;
    return isGlob(mayGoOn ? `${segment}*` : segment, given[at] ?? '');
  });
}

/** In either case of letters, whatever follows, and a `*` stands for slashes too. */
function matchesBroadly(pattern: string, path: string): boolean {
  return pattern === '' || isGlob(`${pattern.toLowerCase().replace(/[/*]+$/, '')}*`, path.toLowerCase());
}

/** Whether the pattern, in which `*` stands for any text, is the whole of the text. Linear: no backtracking. */
function isGlob(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
