// How untrusted text appears in a message: short, on one line, without control characters. Pure.

/** The text in quotes, at most 60 characters of it, control characters escaped. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short).replaceAll(unprintable, (character) => `\\u${hex(character)}`);
}

/** DEL, C1 controls, line separators and the marks that reorder text on a terminal. */
const unprintable = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}
