// What a user of an app should know once it is published: its plugin's notes, and what its needs mean behind a tunnel. Pure.
import type { Need, PluginManifest } from './catalogue.ts';

/** What each need comes to behind Cloudflare; limits as its documentation states them. */
const needTexts: Readonly<Record<Need, string>> = {
  websockets: 'It needs websockets, which pass without any setting.',
  uploads:
    "Through Cloudflare's free and Pro plans one request carries at most 100 MB; what is larger has to be sent in pieces or over your own network.",
  streaming:
    "Cloudflare's terms for its content network do not allow serving much video or other large files to many people through it: keep it to yourself, or use another road for that.",
  'long-requests':
    'Cloudflare ends a request whose answer stays silent for about 100 seconds; one that sends something now and then may take as long as it likes.',
};

/** The notes with the hostname in its place; without one it is spelled as something to fill in. */
export function notesFor(manifest: PluginManifest, hostname = '<hostname>'): readonly string[] {
  const own = (manifest.notes ?? []).map(({ text }) => fillIn(text, hostname));
  return [...own, ...(manifest.needs ?? []).map((need) => needTexts[need])];
}

/** A manifest's text with the hostname in its place. */
export function fillIn(text: string, hostname: string): string {
  return text.replaceAll('{hostname}', () => hostname);
}
