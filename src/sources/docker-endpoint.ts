// Where an engine is, as people write it: a socket, a TCP address with or without TLS, or a machine reached by ssh. Pure.
import { isIP } from 'node:net';
import { ValidationError } from '../errors.ts';

/** How an engine is dialled. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly isTls: boolean }
  | { readonly kind: 'ssh'; readonly host: string; readonly user?: string; readonly port?: number };

/** Files for TLS: whom to trust, and how to show who we are. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads an endpoint; with `hasTls` a TCP one is spoken to over TLS. Throws ValidationError. */
export function parseEndpoint(text: string, hasTls = false): Endpoint {
  const socketPath = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (socketPath !== undefined) return { kind: 'unix', socketPath };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || !['', '/'].includes(url.pathname) || url.search + url.hash !== '')
    throw notAnEndpoint(text);
  if (url.protocol === 'ssh:' && url.password === '') return sshEndpoint(url, text);
  if (url.protocol !== 'tcp:' || url.username !== '') throw notAnEndpoint(text);
  const port = url.port === '' ? (hasTls ? 2376 : 2375) : Number(url.port);
  return { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port, isTls: hasTls };
}

/** What goes on a command line must not be readable as an option of ssh's, or as anything for a shell. */
function sshEndpoint(url: URL, text: string): Endpoint {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const user = decodeURIComponent(url.username);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/.test(host)) throw notAnEndpoint(text);
  if (user !== '' && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user)) throw notAnEndpoint(text);
  return {
    kind: 'ssh',
    host,
    ...(user === '' ? {} : { user }),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
  };
}

/** The machine an endpoint names, when it is another one than ours. */
export function remoteHostOf(endpoint: Endpoint): string | undefined {
  return endpoint.kind === 'unix' || isLoopback(endpoint.host) ? undefined : endpoint.host;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function notAnEndpoint(text: string): ValidationError {
  return new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: 'a Docker endpoint is unix:///path/to/docker.sock, tcp://host:port or ssh://user@host',
    where: text.replace(/\/\/[^/@]*@/, '//…@').slice(0, 200),
    hint: 'see docker.endpoints in the README; for TLS add tls: { ca, cert, key } to it',
  });
}
