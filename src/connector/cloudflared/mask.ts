// Takes secrets out of text before it is logged. Pure.

const patterns: readonly (readonly [RegExp, string])[] = [
  // A tunnel token, or a JSON web token: base64 of an object.
  [/\beyJ[A-Za-z0-9+/_=-]{16,}(?:\.[A-Za-z0-9_=-]+){0,2}/g, '[secret]'],
  [/\b(access_token|token|secret|tunnelsecret|password)(["']?\s*[=:]\s*["']?)[^\s"'&,}\]]+/gi, '$1$2[secret]'],
  [/\b(authorization|cookie)(["']?\s*[=:]\s*).+/gi, '$1$2[secret]'],
  [/\bBearer\s+[\w.~+/=-]+/g, 'Bearer [secret]'],
];

/** A field whose whole value is a secret, whatever it looks like. */
export function isSecretName(name: string): boolean {
  return /token|secret|password|authorization|cookie|credentials-contents/i.test(name);
}

/** A function that replaces the given secrets, and whatever looks like one, by `[secret]`. */
export function createMask(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= 8);
  return (text) => {
    let masked = text;
    for (const secret of known) masked = masked.replaceAll(secret, '[secret]');
    for (const [pattern, replacement] of patterns) masked = masked.replace(pattern, replacement);
    return masked;
  };
}
