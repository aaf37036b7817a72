// Image names as plugins match them: what of a name counts, and patterns that cost the same however they are written. Pure.

/** Longer names are nobody's: a reference may have 255 characters, a registry's address with it. */
const maxLength = 512;

/**
 * What of an image is compared: its last two path segments, without a registry and without the `library/` of official images, which
 * then have one. Undefined for what no image is called.
 */
export function imageKey(image: string): string | undefined {
  if (image === '' || image.length > maxLength) return undefined;
  const segments = image.toLowerCase().split('/');
  const first = segments[0] ?? '';
  const isRegistry = segments.length > 1 && (first.includes('.') || first.includes(':') || first === 'localhost');
  const named = segments.slice(isRegistry ? 1 : 0).slice(-2);
  return (named[0] === 'library' ? named.slice(1) : named).join('/');
}

/** A pattern's test; `*` stands for anything within one segment. It looks at each character a few times at most, whatever the pattern. */
export function compileGlob(pattern: string): (key: string) => boolean {
  const segments = pattern.split('/').map((segment) => segment.split('*'));
  return (key) => {
    const parts = key.split('/');
    return parts.length === segments.length && segments.every((literals, at) => fits(literals, parts[at] ?? ''));
  };
}

/** Whether the literals stand in the text in this order, the first at its beginning and the last at its end. */
function fits(literals: readonly string[], text: string): boolean {
  const [first = '', ...rest] = literals;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const literal of rest) {
    const found = text.indexOf(literal, at);
    if (found < 0 || found + literal.length > end) return false;
    at = found + literal.length;
  }
  return true;
}
