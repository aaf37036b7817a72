// The settings while their file is being edited: empty or gone for a moment is not "no services".
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createLiveSettings, type LiveSettings } from '../../src/app/live-settings.ts';
import { createSilentLogger, type Logger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { until } from '../program/program.ts';

let dir: string;
let live: LiveSettings | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sallyport-live-'));
});
afterEach(() => {
  live?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const text = (name: string) => `services:\n  - { name: ${name}, service: hello_world }\n`;
const names = () => live?.current().services.map(({ name }) => name);

const named = (...wanted: readonly string[]) =>
  until(
    async () => names()?.join(),
    (found) => found === wanted.join(),
  );

/** Follows a settings file that was found in the folder; what it says is in `said`. */
async function follow(): Promise<{ readonly file: string; readonly said: string[] }> {
  const file = join(dir, 'sallyport.yml');
  writeFileSync(file, text('first'));
  const inputs = { env: { SALLYPORT_DATA_DIR: dir }, cwd: dir };
  const said: string[] = [];
  const say = (_fields: object, message: string) => said.push(message);
  const logger = { warn: say, error: say } as unknown as Logger;
  live = createLiveSettings(loadSettings(inputs), inputs, logger, 20);
  let changes = 0;
  live.watch(() => changes++);
  // A watch begins with a look of its own, and tells only what changes after that.
  await until(
    async () => {
      if (changes === 0) appendFileSync(file, '#\n');
      return changes;
    },
    (count) => count > 0,
  );
  return { file, said };
}

const heard = (said: readonly string[], count: number) =>
  until(
    async () => said.length,
    (length) => length === count,
  );

describe('the settings file while the program starts', () => {
  test('what is saved between reading it and following it is applied', async () => {
    const file = join(dir, 'sallyport.yml');
    writeFileSync(file, text('first'));
    const inputs = { env: { SALLYPORT_DATA_DIR: dir }, cwd: dir };
    const loaded = loadSettings(inputs);
    writeFileSync(file, text('second'));
    live = createLiveSettings(loaded, inputs, createSilentLogger(), 20);
    live.watch(() => undefined);
    await named('second');
  });
});

describe('the settings file while it is being saved', () => {
  const moments: readonly [name: string, act: (file: string) => void][] = [
    ['empty', (file) => writeFileSync(file, '')],
    ['only white space', (file) => writeFileSync(file, ' \n\n')],
    ['gone', (file) => rmSync(file)],
  ];
  for (const [name, act] of moments)
    test(`${name}: the running settings stay, and what it says next is applied`, async () => {
      const { file, said } = await follow();
      act(file);
      await heard(said, 1);
      assert.match(said[0] ?? '', /empty or gone/);
      assert.deepEqual(names(), ['first']);
      writeFileSync(file, text('second'));
      await named('second');
      assert.equal(said.length, 1);
    });

  test('is said once until it has content again', async () => {
    const { file, said } = await follow();
    writeFileSync(file, '');
    await heard(said, 1);
    rmSync(file);
    writeFileSync(file, '\n');
    writeFileSync(file, 'services: [');
    await heard(said, 2);
    assert.match(said[1] ?? '', /not applied/);
    writeFileSync(file, '');
    await heard(said, 3);
    assert.match(said[2] ?? '', /empty or gone/);
  });

  test('a file with only a comment is a choice, and applies', async () => {
    const { file } = await follow();
    writeFileSync(file, '# nothing any more\n');
    await named();
  });

  test('another API token counts at once and asks for no restart', async () => {
    const { file, said } = await follow();
    writeFileSync(file, `${text('first')}cloudflare: { api_token: another }\n`);
    await until(
      async () => live?.current().cloudflare.apiToken,
      (token) => token === 'another',
    );
    assert.deepEqual(said, []);
  });
});
