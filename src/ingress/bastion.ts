// Where a bastion rule dials: the client names it in a header. Pure.
import { splitHostPort } from './go-text.ts';
import { GoUrlError, parseGoUrl } from './go-url.ts';

/** The header `cloudflared access --destination` sends. */
export const jumpDestinationHeader = 'cf-access-jump-destination';

/** `host:port` from the header's value, scheme and path stripped; undefined when the client named none. No default port. */
export function bastionDestination(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  return (hostOf(header) ?? header).split('/', 1)[0];
}

/** Its two parts, brackets removed; undefined unless there are two. The port may still be out of range. */
export function splitDestination(destination: string | undefined): { host: string; port: number } | undefined {
  const found = destination === undefined ? undefined : splitHostPort(destination);
  if (found === undefined || !isHost(found.host) || !/^\d{1,5}$/.test(found.port)) return undefined;
  return { host: found.host, port: Number(found.port) };
}

/** What can be looked up or dialled: it also ends up in a log. */
function isHost(host: string): boolean {
  return /^[A-Za-z0-9_.:%-]{1,253}$/.test(host);
}

function hostOf(text: string): string | undefined {
  try {
    const { host } = parseGoUrl(text);
    return host === '' ? undefined : host;
  } catch (error) {
    if (error instanceof GoUrlError) return undefined;
    throw error;
  }
}
