// Paths of other tools as the regular expressions cloudflared matches. Pure.

/** Exactly this text, wherever it stands in a pattern. */
export function literal(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

/** Every path that begins with this one; undefined for `/`, which every path does. */
export function pathPrefix(path: string): string | undefined {
  return path === '/' || path === '' ? undefined : `^${literal(path)}`;
}

/** This path and no other. */
export function exactPath(path: string): string {
  return `^${literal(path)}$`;
}
