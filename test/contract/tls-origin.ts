// Origins a rule needs originRequest for: TLS from a private authority with HTTP/2 on offer, and unix sockets.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createTestAuthority } from '../connector/native/certificates.ts';

/** Where they are. */
export interface TlsOrigins {
  /** `https://127.0.0.1:PORT`; its certificate names only `names`. */
  readonly url: string;
  /** The authority's certificate, as a file. */
  readonly caFile: string;
  /** Paths of sockets: plain, and with the same TLS. */
  readonly unix: string;
  readonly unixTls: string;
  close(): Promise<void>;
}

/** What each answers: how it was spoken to, as JSON. */
export interface Spoken {
  readonly httpVersion: string;
  readonly servername: string | false | undefined;
  readonly host: string;
  readonly forwardedHost: string | undefined;
}

const tell: RequestListener = (request, response) => {
  const { httpVersion, headers, socket } = request;
  const { servername } = socket as { servername?: string | false };
  const host = headers.host ?? String(headers[':authority']);
  response.end(JSON.stringify({ httpVersion, servername, host, forwardedHost: headers['x-forwarded-host'] }));
};

/** Starts them; sockets and files are in `directory`. */
export async function startTlsOrigins(directory: string, names: readonly string[]): Promise<TlsOrigins> {
  const authority = await createTestAuthority();
  const identity = await authority.issue(names);
  const caFile = join(directory, 'origin-ca.pem');
  await writeFile(caFile, authority.caPem);
  const secure = http2.createSecureServer({ ...identity, allowHTTP1: true }, tell as never);
  const plainSocket = createServer(tell);
  const secureSocket = https.createServer(identity, tell);
  const unix = join(directory, 'plain.sock');
  const unixTls = join(directory, 'tls.sock');
  const listening = [
    once(secure.listen(0, '127.0.0.1'), 'listening'),
    once(plainSocket.listen(unix), 'listening'),
    once(secureSocket.listen(unixTls), 'listening'),
  ];
  await Promise.all(listening);
  return {
    url: `https://127.0.0.1:${(secure.address() as AddressInfo).port}`,
    caFile,
    unix,
    unixTls,
    async close() {
      const servers = [secure, plainSocket, secureSocket];
      const closed = servers.map((server) => once(server, 'close'));
      for (const server of servers) server.close();
      plainSocket.closeAllConnections();
      secureSocket.closeAllConnections();
      await Promise.all(closed);
    },
  };
}
