// Where a bastion rule dials: the client names it in a header. Pure.
import { GoUrlError, parseGoUrl } from './go-url.ts';

/** The header `cloudflared access --destination` sends. */
export const jumpDestinationHeader = 'cf-access-jump-destination';

/** `host:port` from the header's value, scheme and path stripped; undefined when the client named none. No default port. */
export function bastionDestination(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  return (hostOf(header) ?? header).split('/', 1)[0];
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
