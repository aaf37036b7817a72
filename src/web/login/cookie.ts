// The cookie of a session of ours: found among a browser's, and written. Pure.

const name = 'sallyport_session';

/** The session in a `Cookie` header; undefined where there is none that could be one of ours. */
export function sessionCookieIn(header: string | undefined): string | undefined {
  for (const part of (header ?? '').slice(0, 16_384).split(';')) {
    const value = part.trim();
    if (value.startsWith(`${name}=`) && /^[0-9a-f]{64}$/.test(value.slice(name.length + 1)))
      return value.slice(name.length + 1);
  }
  return undefined;
}

/** What a session is written with. */
export interface SessionCookie {
  readonly id: string;
  /** 0 ends it. */
  readonly maxAgeSeconds: number;
  readonly isSecure: boolean;
}

/** A Set-Cookie value: no script sees it, and no other site makes a browser send it. */
export function sessionCookie({ id, maxAgeSeconds, isSecure }: SessionCookie): string {
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${id}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}
