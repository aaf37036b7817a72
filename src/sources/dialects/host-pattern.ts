// Host patterns of other tools as the names they stand for: a wildcard for one whole label, or the few names of an alternation. Pure.

/** More names than anyone means by one pattern. */
const maxNames = 16;

/** Classes that take every label there is; anything narrower would be widened by `*`. */
const wholeLabels: ReadonlySet<string> = new Set([
  '.+',
  '.*',
  '.+?',
  '[^.]+',
  '[^\\.]+',
  '[a-z0-9-]+',
  '[a-z0-9\\-]+',
  '[a-zA-Z0-9-]+',
  '[A-Za-z0-9-]+',
  '[a-zA-Z0-9\\-]+',
  '[0-9a-z-]+',
  '[\\w-]+',
  '[-a-z0-9]+',
]);

/** The names of a version 2 pattern such as `{sub:[a-z0-9-]+}.example.com`; undefined when they cannot be listed. */
export function namesOfTemplate(pattern: string): readonly string[] | undefined {
  const parts = splitTemplate(pattern);
  if (parts === undefined) return undefined;
  return combine(parts.map((part) => ('text' in part ? [part.text] : choices(part.pattern))));
}

/** The names of a regular expression such as `^(www|app)\.example\.com$`; undefined when they cannot be listed. */
export function namesOfRegexp(pattern: string): readonly string[] | undefined {
  if (!pattern.startsWith('^') || !pattern.endsWith('$')) return undefined;
  return combine(splitRegexp(pattern.slice(1, -1)));
}

/** Literal text, or what a placeholder takes. */
export type TemplatePart = { readonly text: string } | { readonly pattern: string };

/** The parts of a text with `{name}` and `{name:pattern}` in it; undefined when a brace is not closed. */
export function splitTemplate(template: string): readonly TemplatePart[] | undefined {
  const parts: TemplatePart[] = [];
  for (let at = 0; at < template.length; ) {
    const open = template.indexOf('{', at);
    if (open === -1) return [...parts, { text: template.slice(at) }];
    const close = closingBrace(template, open);
    if (close === -1) return undefined;
    if (open > at) parts.push({ text: template.slice(at, open) });
    const inside = template.slice(open + 1, close);
    const colon = inside.indexOf(':');
    parts.push({ pattern: colon === -1 ? '' : inside.slice(colon + 1) });
    at = close + 1;
  }
  return parts;
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++;
    if (text[at] === '}' && --depth === 0) return at;
  }
  return -1;
}

/** What one placeholder may be: `*`, or the words of an alternation. */
function choices(pattern: string): readonly string[] | undefined {
  if (pattern === '' || wholeLabels.has(pattern)) return ['*'];
  const words = pattern.replace(/^\((?:\?:)?(.*)\)$/, '$1').split('|');
  return words.every((word) => /^[A-Za-z0-9-]+$/.test(word)) ? words : undefined;
}

/** Literals, groups and classes of an expression, each as the texts it stands for; an undefined one cannot be listed. */
function splitRegexp(pattern: string): readonly (readonly string[] | undefined)[] {
  const parts: (readonly string[] | undefined)[] = [];
  for (let rest = pattern; rest !== ''; ) {
    const [whole = '', group, optional, text, other] =
      /^(?:\(([^()]*)\)(\??)|((?:[A-Za-z0-9-]|\\[.-])+(?![?*+{]))|(\[[^\]]*\]\+|\.[+*]\??))/.exec(rest) ?? [];
    if (whole === '') return [undefined];
    if (group !== undefined) parts.push(groupChoices(group, optional === '?'));
    else if (text !== undefined) parts.push([unescaped(text)]);
    else parts.push(other !== undefined && wholeLabels.has(other) ? ['*'] : undefined);
    rest = rest.slice(whole.length);
  }
  return parts;
}

function groupChoices(group: string, isOptional: boolean): readonly string[] | undefined {
  const inside = group.replace(/^\?:|^\?P?<\w+>/, '');
  if (wholeLabels.has(inside)) return isOptional ? undefined : ['*'];
  const words = inside.split('|');
  if (!words.every((word) => /^(?:[A-Za-z0-9-]|\\[.-])+$/.test(word))) return undefined;
  return isOptional ? ['', ...words.map(unescaped)] : words.map(unescaped);
}

function unescaped(text: string): string {
  return text.replaceAll('\\', '');
}

/** Every combination, when each of them is a name or has its only `*` as its whole first label. */
function combine(parts: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  let names: readonly string[] = [''];
  for (const part of parts) {
    if (part === undefined || names.length * part.length > maxNames) return undefined;
    names = names.flatMap((name) => part.map((text) => name + text));
  }
  return names.every((name) => /^(\*\.)?[^*]+$/.test(name)) ? names : undefined;
}
