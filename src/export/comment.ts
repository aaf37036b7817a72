// Comments in what is exported: names and reasons come from anywhere, so none of them may end the comment. Pure.
import type { Withheld } from './applied.ts';

/** The text on one line, without anything a reader of YAML or HCL could take for the end of it. */
export function commentText(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g, '·')
      .trimEnd()
  );
}

/** Lines as comments, each with a final newline; "" for none. */
export function comments(lines: readonly string[]): string {
  return lines.map((line) => `${`# ${commentText(line)}`.trimEnd()}\n`).join('');
}

/** What is missing and why, as lines. */
export function withheldLines(withheld: readonly Withheld[]): readonly string[] {
  if (withheld.length === 0) return [];
  return ['', 'Not here:', ...withheld.map(({ what, reason }) => `- ${what}: ${reason}`)];
}
