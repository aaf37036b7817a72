// How Go's standard library reads and quotes small texts: cloudflared's messages and decisions come from these. Pure.

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** The text as Go's `%q` prints it: double quotes, non-printable characters escaped. */
export function goQuote(text: string): string {
  let out = '"';
  for (const char of text) out += shortEscapes[char] ?? (isPrintable(char) ? char : escapeRune(char));
  return `${out}"`;
}

function isPrintable(char: string): boolean {
  return char === ' ' || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char);
}

function escapeRune(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** The host of `host:port` as Go's net.SplitHostPort finds it, or undefined where that function reports an error. */
export function splitHostPort(hostPort: string): { readonly host: string; readonly port: string } | undefined {
  const colon = hostPort.lastIndexOf(':');
  if (colon === -1) return undefined;
  const bracketed = hostPort.startsWith('[');
  const end = bracketed ? hostPort.indexOf(']') : colon;
  if (bracketed && end + 1 !== colon) return undefined;
  const host = bracketed ? hostPort.slice(1, end) : hostPort.slice(0, colon);
  if (!bracketed && host.includes(':')) return undefined;
  if (hostPort.indexOf('[', bracketed ? 1 : 0) !== -1) return undefined;
  if (hostPort.indexOf(']', bracketed ? end + 1 : 0) !== -1) return undefined;
  return { host, port: hostPort.slice(colon + 1) };
}

/** What Go's strconv.Atoi makes of a text: a number, or the tail of its error message. */
export function goAtoi(text: string): { readonly value: number } | { readonly error: string } {
  if (!/^[+-]?[0-9]+$/.test(text)) return { error: `strconv.Atoi: parsing ${goQuote(text)}: invalid syntax` };
  const value = BigInt(text.replace(/^\+/, ''));
  if (value !== BigInt.asIntN(64, value))
    return { error: `strconv.Atoi: parsing ${goQuote(text)}: value out of range` };
  return { value: Number(value) };
}
