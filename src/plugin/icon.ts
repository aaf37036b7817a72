// The icon of an app as an SVG: from the icon package, from its manifest, or its first letters. Only the one that is asked for is read.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { PluginManifest } from './catalogue.ts';

/** The app's icon; an icon the package does not have becomes the letters. */
export async function loadIcon(manifest: PluginManifest): Promise<string> {
  const { icon } = manifest;
  if (icon === undefined) return drawLetters(manifest.name);
  const path = typeof icon === 'string' ? await readPath(icon) : icon.path;
  return path === undefined ? drawLetters(manifest.name) : drawPath(path, manifest.name);
}

/** An icon of one path in a square of 24 by 24, in the colour of the text around it. */
export function drawPath(path: string, name: string): string {
  return draw(name, `<path d="${escapeXml(path)}"/>`);
}

/** A tile with the first letters of the name. */
export function drawLetters(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  const letters = [...words.slice(0, 2).map((word) => [...word][0] ?? '')].join('').toUpperCase();
  const text = `<text x="12" y="16" font-family="sans-serif" font-size="10" font-weight="700" text-anchor="middle">${escapeXml(letters)}</text>`;
  return draw(
    name,
    `<rect x="1" y="1" width="22" height="22" rx="5" fill="none" stroke="currentColor" stroke-width="1.5"/>${text}`,
  );
}

function draw(name: string, content: string): string {
  const open = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" role="img" fill="currentColor">';
  return `${open}<title>${escapeXml(name)}</title>${content}</svg>\n`;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (found) => escapes[found] ?? '');
}

/** The path of the package's icon; undefined when it has none of that name. Of the file nothing else is used. */
async function readPath(slug: string): Promise<string | undefined> {
  if (!/^[a-z0-9]{1,64}$/.test(slug)) return undefined;
  try {
    const file = fileURLToPath(import.meta.resolve(`simple-icons/icons/${slug}.svg`));
    return /<path d="([^"<>&]+)"/.exec(await readFile(file, 'utf8'))?.[1];
  } catch {
    // An installation may have left the package out to be small: the letters do as well.
    return undefined;
  }
}
