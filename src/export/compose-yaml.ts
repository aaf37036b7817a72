// The little YAML that Compose files need, written so that every reader takes each value for the text it is. Pure.

/** Text as a quoted scalar. JSON's quoting is YAML's, but for characters that older readers take for line ends or refuse. */
export function quoteYaml(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A key, quoted unless every reader takes it for text as it stands. */
export function yamlKey(text: string): string {
  const isPlain = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text) && !words.has(text.toLowerCase());
  return isPlain ? text : quoteYaml(text);
}

/** A value Compose would put variables into: there a dollar is two. */
export function composeValue(text: string): string {
  return text.replaceAll('$', '$$$$');
}

const words: ReadonlySet<string> = new Set(['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null', 'nan', 'inf']);
