// The gate's cookies: found among a visitor's, kept from the origin, and written. Pure.

/** The cookie that says who logged in; Cloudflare's name. */
export const sessionCookie = 'CF_Authorization';
/** Ties a login that is under way to the browser it began in. */
export const browserCookie = 'CF_Login';

const sessionName = /^CF_Authorization(?:_[0-9a-f]{16})?$/;
/** More of one name than any browser of one visitor sends. */
const maxSessions = 12;
const maxValue = 4_096;

/** Two applications on one host must not overwrite each other's cookie: that of a path has a name of its own. */
export function sessionCookieName(app: { readonly aud: string; readonly isWholeHost: boolean }): string {
  return app.isWholeHost ? sessionCookie : `${sessionCookie}_${app.aud.slice(0, 16)}`;
}

/** Every session among the cookies of flat headers, in order; too many and too long ones are left out. */
export function sessionsIn(headers: readonly string[]): readonly string[] {
  return cookiesIn(headers)
    .filter(({ name, value }) => sessionName.test(name) && value.length <= maxValue)
    .slice(0, maxSessions)
    .map(({ value }) => value);
}

/** The names of the sessions among the cookies. */
export function sessionNamesIn(headers: readonly string[]): readonly string[] {
  return [...new Set(cookiesIn(headers).flatMap(({ name }) => (sessionName.test(name) ? [name] : [])))].slice(
    0,
    maxSessions,
  );
}

/** The first value of a cookie. */
export function cookieIn(headers: readonly string[], name: string): string | undefined {
  return cookiesIn(headers).find((cookie) => cookie.name === name)?.value;
}

/** The headers without our cookies; the same array where there are none. */
export function withoutGateCookies(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let isChanged = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]];
    if (!isCookieHeader(name) || !value.includes('CF_')) {
      kept.push(name, value);
      continue;
    }
    const parts = value.split(';').map((part) => part.trim());
    const others = parts.filter((part) => !isOurs(part));
    if (others.length === parts.length) kept.push(name, value);
    else {
      isChanged = true;
      if (others.length > 0) kept.push(name, others.join('; '));
    }
  }
  return isChanged ? kept : headers;
}

/** What a cookie is written with. */
export interface CookieOptions {
  readonly path: string;
  readonly maxAgeSeconds: number;
  readonly isSecure: boolean;
}

/** A Set-Cookie value; scripts never see it, and other sites do not make browsers send it with anything but a visit. */
export function setCookie(name: string, value: string, { path, maxAgeSeconds, isSecure }: CookieOptions): string {
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=${path}; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}; HttpOnly; SameSite=Lax${secure}`;
}

function cookiesIn(headers: readonly string[]): readonly { readonly name: string; readonly value: string }[] {
  const cookies: { name: string; value: string }[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isCookieHeader(headers[i] ?? '')) continue;
    for (const part of (headers[i + 1] ?? '').split(';')) {
      const equals = part.indexOf('=');
      if (equals > 0) cookies.push({ name: part.slice(0, equals).trim(), value: part.slice(equals + 1).trim() });
    }
  }
  return cookies;
}

function isOurs(part: string): boolean {
  const equals = part.indexOf('=');
  const name = (equals === -1 ? part : part.slice(0, equals)).trim();
  return name === browserCookie || sessionName.test(name);
}

function isCookieHeader(name: string): boolean {
  return name.length === 6 && name.toLowerCase() === 'cookie';
}
