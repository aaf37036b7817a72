// A person writes a plugin while the program runs: it counts without a restart, and a half-written one breaks nothing.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Program, startProgram } from '../program/program.ts';

let dir: string;
let program: Program;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sallyport-plugins-'));
  program = await startProgram({
    plugins: { dir },
    services: [
      { name: 'books', service: 'hello_world', plugin: 'bookshelf' },
      { name: 'good', service: 'hello_world' },
    ],
  });
  await program.until('good.localhost', ({ status }) => status === 200);
});
after(async () => {
  await program?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function write(subdomain: string, more = ''): void {
  mkdirSync(join(dir, 'bookshelf'), { recursive: true });
  const text = `id: bookshelf\nname: Bookshelf\ncategory: media\ningress: { subdomain: ${subdomain} }\n`;
  writeFileSync(join(dir, 'bookshelf/plugin.yaml'), `${text}access: { sensitivity: public-ok }\n${more}`);
}

describe('a plugin that is written while the program runs', () => {
  test('publishes what waited for it', async () => {
    const books = program.status().services.find(({ name }) => name === 'books');
    assert.match(books?.diagnostics[0]?.message ?? '', /there is no plugin "bookshelf"/);
    write('shelf');
    await program.until('shelf.localhost', ({ status }) => status === 200);
  });

  test('is left as it was by a half-written one, which is said', async () => {
    write('other', 'notes: [{ text: ');
    await program.pass();
    assert.equal((await program.get('shelf.localhost')).status, 200);
    const said = program.status().diagnostics.map(({ message }) => message);
    assert.match(said.join('\n'), /plugin bookshelf .*its last good version stays/);
  });

  test('counts as soon as it is whole', async () => {
    write('other');
    await program.until('other.localhost', ({ status }) => status === 200);
    assert.ok(!program.status().diagnostics.some(({ message }) => message.includes('bookshelf')));
  });

  test('is missed as soon as it is gone, and the others stay', async () => {
    rmSync(join(dir, 'bookshelf'), { recursive: true });
    await program.until('other.localhost', ({ status }) => status !== 200);
    assert.equal((await program.get('good.localhost')).status, 200);
  });
});
