// The service token a program shows: in Cloudflare's two headers, or in the one an application reads it from. Pure.

/** The two halves of a service token. Secrets. */
export interface ShownToken {
  readonly clientId: string;
  readonly clientSecret: string;
}

const maxLength = 1_024;

/** From `CF-Access-Client-Id` and `CF-Access-Client-Secret`. */
export function tokenInHeaders(headers: readonly string[]): ShownToken | undefined {
  return tokenOf(onlyValue(headers, 'cf-access-client-id'), onlyValue(headers, 'cf-access-client-secret'));
}

/** From JSON of both in one header of this name (`read_service_tokens_from_header`). */
export function tokenInHeader(headers: readonly string[], name: string): ShownToken | undefined {
  const text = onlyValue(headers, name.toLowerCase());
  if (text === undefined || text.length > 2 * maxLength || !text.startsWith('{')) return undefined;
  try {
    const fields = Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>);
    const field = (wanted: string) => fields.find(([key]) => key.toLowerCase() === wanted)?.[1];
    return tokenOf(field('cf-access-client-id'), field('cf-access-client-secret'));
  } catch {
    // Something else that the application's own clients send there.
    return undefined;
  }
}

/** The only value of a header; a repeated one is nobody's. */
function onlyValue(headers: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const candidate = headers[i] ?? '';
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1];
  }
  return found;
}

function tokenOf(clientId: unknown, clientSecret: unknown): ShownToken | undefined {
  const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= maxLength;
  return isText(clientId) && isText(clientSecret) && clientId !== '' ? { clientId, clientSecret } : undefined;
}
