// The native connector on the embedded edge: what is changed by hand in the API's copy of its rules is never served by it, and put right once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Program, startProgram, until } from '../program/program.ts';

interface Configuration {
  readonly version: number;
  readonly config: { readonly ingress: readonly { readonly hostname?: string; readonly service: string }[] };
}

describe('a rule changed by hand in the copy', () => {
  let program: Program;
  before(async () => {
    program = await startProgram({ connector: 'native' });
    await program.until('hello.localhost', ({ status }) => status === 200);
    await program.pass();
    await until(read, ({ config }) => config?.ingress.length === 2);
  });
  after(() => program?.stop());

  async function ask(path: string, body?: object): Promise<unknown> {
    const authorization = `Bearer ${readFileSync(join(program.dataDir, 'edge-api-token'), 'utf8').trim()}`;
    const answer = await fetch(`http://127.0.0.1:${program.apiPort}/client/v4${path}`, {
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }),
    });
    return ((await answer.json()) as { result: unknown }).result;
  }

  async function path(): Promise<string> {
    const [account] = (await ask('/accounts')) as { id: string }[];
    const [tunnel] = (await ask(`/accounts/${account?.id}/cfd_tunnel?is_deleted=false`)) as { id: string }[];
    return `/accounts/${account?.id}/cfd_tunnel/${tunnel?.id}/configurations`;
  }

  const read = async () => (await ask(await path())) as Configuration;

  test('is never served here, is put right by a full pass, and nobody fights about it', async () => {
    const before = await read();
    const ingress = before.config.ingress.map((rule) =>
      rule.hostname === undefined ? rule : { ...rule, service: 'http_status:418' },
    );
    const theirs = { hostname: 'theirs.example.org', service: 'http_status:418' };
    await ask(await path(), { config: { ingress: [theirs, ...ingress] } });
    assert.equal((await program.get('hello.localhost')).status, 200);
    await program.pass();
    const mended = await until(read, ({ config }) => config.ingress.some(({ service }) => service === 'hello_world'));
    assert.equal((await program.get('hello.localhost')).status, 200);
    // Somebody else's rule in the copy is somebody else's.
    assert.deepEqual(mended.config.ingress[0], theirs);
    await program.pass();
    await program.pass();
    assert.equal((await read()).version, before.version + 2);
    assert.ok(!program.status().held.some(({ target }) => target === 'ingress'));
  });
});
