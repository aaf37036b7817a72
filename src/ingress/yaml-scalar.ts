// What type an unquoted YAML text has for cloudflared's reader: YAML 1.2 with 1.1's octal numbers. Pure.

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  TRUE: true,
  false: false,
  False: false,
  FALSE: false,
};
const nulls = new Set(['', '~', 'null', 'Null', 'NULL']);
const specialFloat = /^(\.(nan|NaN|NAN)|[-+]?\.(inf|Inf|INF))$/;
const decimalFloat = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const timestamp =
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})?)?$/;

/** The short tag of an unquoted text: `!!null`, `!!bool`, `!!int`, `!!float`, `!!timestamp`, `!!merge` or `!!str`. */
export function tagOf(text: string): string {
  if (nulls.has(text)) return '!!null';
  if (Object.hasOwn(booleans, text)) return '!!bool';
  if (text === '<<') return '!!merge';
  if (timestamp.test(text)) return '!!timestamp';
  if (parseYamlInteger(text) !== undefined) return '!!int';
  if (specialFloat.test(text) || decimalFloat.test(withoutUnderscores(text))) return '!!float';
  return '!!str';
}

/** The value of a text tagged `!!bool`. */
export function parseYamlBoolean(text: string): boolean | undefined {
  return Object.hasOwn(booleans, text) ? booleans[text] : undefined;
}

/** Decimal, 0x, 0o, 0b or leading-zero octal with optional sign and underscores; undefined for anything else. */
export function parseYamlInteger(text: string): bigint | undefined {
  const found = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)$/.exec(
    withoutUnderscores(text),
  );
  if (found === null || !/^[-+0-9]/.test(text)) return undefined;
  const digits = (found[2] ?? '').replace(/^0(?=[0-7])/, '0o').toLowerCase();
  const value = BigInt(digits);
  return found[1] === '-' ? -value : value;
}

/** The value of a text tagged `!!float`. */
export function parseYamlFloat(text: string): number | undefined {
  if (/nan/i.test(text)) return Number.NaN;
  if (/inf/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return decimalFloat.test(withoutUnderscores(text)) ? Number(withoutUnderscores(text)) : undefined;
}

function withoutUnderscores(text: string): string {
  return text.replaceAll('_', '');
}
