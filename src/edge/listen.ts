// Opens a listening socket, or says which setting names it and how to mend it.

import type { AddressInfo, Server } from 'node:net';
import { AppError } from '../errors.ts';
import type { ListenAddress } from '../model.ts';

/** Listens and resolves to the actual address; rejects with E_LISTEN naming `setting`, e.g. `embedded_edge.http`. */
export function listen(server: Server, address: ListenAddress, setting: string): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(listenError(error, address, setting));
    server.once('error', onError);
    server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
      server.off('error', onError);
      const actual = server.address() as AddressInfo;
      resolve({ host: actual.address, port: actual.port });
    });
  });
}

const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EADDRINUSE: ['it is already in use', 'stop the program that listens there, or set %s to another address'],
  EACCES: ['this user may not', 'ports below 1024 need privileges: set %s to a higher port'],
  EADDRNOTAVAIL: ['this machine has no such address', 'set %s to an address of this machine'],
  ENOTFOUND: ['the host name is unknown', 'set %s to an IP address of this machine'],
};

function listenError(error: NodeJS.ErrnoException, address: ListenAddress, setting: string): AppError {
  const known = reasons[error.code ?? ''];
  const reason = known === undefined ? error.message : known[0];
  return new AppError({
    code: 'E_LISTEN',
    message: `cannot listen on ${printAddress(address)}: ${reason}`,
    where: setting,
    hint: known?.[1].replace('%s', setting),
    cause: error,
  });
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function printAddress(address: ListenAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
