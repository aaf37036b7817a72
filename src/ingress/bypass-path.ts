// A path that needs no login, as an Access application's domain has it. Pure.

/** What such a path covers. */
export interface BypassPath {
  /** What follows the host in the application's domain: `/api/health`, `/share/*`. */
  readonly domain: string;
  /** The plain text everything it covers begins with. */
  readonly literal: string;
  /** A wildcard stands within a segment, so that what is more specific than it is not plain to see. */
  readonly hasWildcard: boolean;
}

const maxLength = 200;

/** Whether a path is the whole site. */
export function bypassesAll(path: string): boolean {
  return /^[/*]*$/.test(path);
}

/**
 * The path as Access takes it; undefined for what no application can say exactly: other characters than plain ones, dots that
 * climb, empty segments, two wildcards in one segment. A path covers everything below it; one that ends in a slash not itself.
 */
export function bypassPath(path: string): BypassPath | undefined {
  if (path.length > maxLength || !/^\/[A-Za-z0-9/_.~*-]*$/.test(path)) return undefined;
  const segments = path.slice(1).split('/');
  const isOdd = segments.some(
    (segment, index) =>
      segment === '.' ||
      segment === '..' ||
      (segment === '' && index < segments.length - 1) ||
      segment.indexOf('*') !== segment.lastIndexOf('*'),
  );
  if (isOdd) return undefined;
  const body = path.replace(/\*$/, '');
  const star = body.indexOf('*');
  return {
    domain: path.endsWith('/') ? `${path}*` : path,
    literal: star === -1 ? body : body.slice(0, star),
    hasWildcard: star !== -1 || /[^/]\*$/.test(path),
  };
}
