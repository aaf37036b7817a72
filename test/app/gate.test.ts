// The program on its own edge with people who can log in: guarded services are served to them, wherever the edge listens.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { hashPassword } from '../../src/edge/password-hash.ts';
import { startProgram } from '../program/program.ts';

test('on every address a guarded service asks for a login, and a public one does not', async (t) => {
  const origin = createServer((visit, response) =>
    response.end(`hello ${visit.headers['cf-access-authenticated-user-email'] ?? 'stranger'}`),
  );
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  t.after(() => origin.close());
  const { port } = origin.address() as AddressInfo;
  const service = (name: string, access: string) => ({ name, address: '127.0.0.1', port, protocol: 'http', access });
  const free = '127.0.0.1:0';
  const program = await startProgram({
    domain: 'example.com',
    connector: 'native',
    services: [service('nas', 'family'), service('blog', 'public'), service('none', 'nobody')],
    access: { policies: { family: { allow: { emails: ['a@example.com'] } } } },
    embedded_edge: {
      // Every address, so that what is not guarded by the gate would be open to the world.
      ...{ http: '0.0.0.0:0', https: free, tunnel: free, api: free },
      login: { users: [{ email: 'a@example.com', password_hash: await hashPassword('open sesame') }], session: '1h' },
    },
  });
  t.after(() => program.stop());
  await program.pass();
  const isUp = ({ status }: { readonly status: number }) => ![404, 503, 530].includes(status);
  assert.equal((await program.until('blog.example.com', isUp)).body, 'hello stranger');
  assert.equal((await program.until('nas.example.com', isUp)).status, 401);
  assert.notEqual((await program.get('none.example.com')).status, 200);

  const html = { accept: 'text/html' };
  const sent = await program.get('nas.example.com', '/photos', html);
  assert.equal(sent.status, 302);
  const page = await program.get('nas.example.com', sent.headers.location, html);
  const token = /name="token" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
  const cookies = (page.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  const form = new URLSearchParams({ email: 'a@example.com', password: 'open sesame', token }).toString();
  const entered = await post(program.httpPort, '/cdn-cgi/access/login/nas.example.com', cookies, form);
  assert.equal(entered.status, 303);
  assert.equal(entered.location, '/photos');
  assert.match(entered.cookie, /Max-Age=3600/);
  const got = await program.get('nas.example.com', '/photos', { cookie: entered.cookie.split(';')[0] ?? '' });
  assert.equal(got.body, 'hello a@example.com');
});

test('whoever asks for a login where nobody could log in is told', async (t) => {
  const program = await startProgram({
    domain: 'example.com',
    connector: 'native',
    services: [{ name: 'nas', address: '127.0.0.1', port: 9, protocol: 'http', access: 'family' }],
    access: { policies: { family: { allow: { everyone: true } } } },
  });
  t.after(() => program.stop());
  await program.pass();
  const nas = program.status().services.find(({ name }) => name === 'nas');
  assert.deepEqual(
    nas?.diagnostics.filter(({ code }) => code === 'W_NO_LOGIN').map(({ message }) => message),
    ['policy "family" asks who wants to see nas.example.com, but there is no way to log in yet'],
  );
});

/** Posts a form as a browser would. */
function post(
  port: number,
  path: string,
  cookie: string,
  body: string,
): Promise<{ readonly status: number; readonly location: string; readonly cookie: string }> {
  const headers = { host: 'nas.example.com', cookie, 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const sending = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      answer.resume();
      const [cookieLine = ''] = answer.headers['set-cookie'] ?? [];
      resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '', cookie: cookieLine });
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
