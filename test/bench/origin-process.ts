// A plain origin in a process of its own: `/small` is 1 KB, `/large` 10 MB, and what is posted is read and forgotten.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent } from './child.ts';

const small = Buffer.alloc(1024, 's');
const large = Buffer.alloc(10 * 1024 * 1024, 'l');

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    request.resume().on('end', () => response.setHeader('content-length', 4).end('read'));
    return;
  }
  const body = request.url === '/large' ? large : small;
  response.setHeader('content-length', body.length).end(body);
});
const listening = once(server.listen(0, '127.0.0.1'), 'listening');

answerParent<'port', number>(async () => {
  await listening;
  return (server.address() as AddressInfo).port;
});
