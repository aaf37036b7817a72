// Every way the programs behind the edge may read a path: whoever asks for one has to be let in under each of them. Pure.

/** How often a path is decoded; what still changes then is no honest client's. */
const maxDecodings = 3;
/** Letters, digits and a few signs, no empty segment and none that begins with a dot: there is one way to read it. */
const plain = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)*\/?$/;

/**
 * The path (without its query) as sent first, then as it is after decoding, with `\` for `/`, empty segments and dots gone, and
 * with what follows a `;` in a segment gone. Undefined when it cannot be told what it means.
 */
export function pathReadings(target: string): readonly string[] | undefined {
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  if (plain.test(path)) return [path];
  const readings = new Set<string>([path]);
  let current = path;
  for (let round = 0; ; round++) {
    addCleaned(readings, current);
    const next = decoded(current);
    if (next === current) return [...readings];
    if (round === maxDecodings) return undefined;
    current = next;
  }
}

function addCleaned(readings: Set<string>, path: string): void {
  readings.add(withoutDots(path));
  // As browsers do: only dots are understood when encoded.
  readings.add(withoutDots(path.replace(/%2e/gi, '.')));
  const slashes = path.replaceAll('\\', '/');
  readings.add(withoutDots(slashes));
  readings.add(withoutDots(slashes.replace(/;[^/]*/g, '')));
}

/** Whatever decodes by itself; a stray percent sign stays, as lenient servers leave it. */
function decoded(path: string): string {
  return path.replace(/(?:%[0-9A-Fa-f]{2})+/g, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      // Bytes that are no UTF-8: each for itself.
      return codes.replace(/%([0-9A-Fa-f]{2})/g, (_code, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
  });
}

/** RFC 3986 5.2.4, and empty segments merged. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const last = segments.at(-1);
  const isFolder = last === '' || last === '.' || last === '..';
  return `/${kept.join('/')}${isFolder && kept.length > 0 ? '/' : ''}`;
}
