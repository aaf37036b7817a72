// An app's refusals are understood from its answer alone, whatever a hostile one answers.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSilentLogger } from '../../src/logger.ts';
import type { DiagnoseRule } from '../../src/plugin/catalogue.ts';
import { type Answer, answerLimit, diagnoseAnswer, probePaths } from '../../src/plugin/diagnose.ts';
import { loadPlugins } from '../../src/plugin/load.ts';
import { pluginOf } from './sample.ts';

const plain: Answer = { status: 200, headers: {}, body: '' };

function appWith(...diagnose: readonly DiagnoseRule[]) {
  return pluginOf('app', { diagnose }).manifest;
}

function rule(when: DiagnoseRule['when'], code = 'x'): DiagnoseRule {
  return { code, severity: 'error', when, message: 'It says no.', hint: 'Tell it of {hostname}.' };
}

describe('a rule', () => {
  const cases: readonly (readonly [string, DiagnoseRule['when'], Partial<Answer>, boolean])[] = [
    ['with the status', { status: [400, 421] }, { status: 421 }, true],
    ['with another status', { status: [400] }, { status: 404 }, false],
    ['with a text in the body', { body: ['no', 'Untrusted Domain'] }, { body: 'an UNTRUSTED domain' }, true],
    ['with a text that is not there', { body: ['untrusted'] }, { body: 'fine' }, false],
    ['with a header', { headers: { server: 'nginx' } }, { headers: { server: 'Nginx/1.27' } }, true],
    ['with a header of several values', { headers: { vary: 'b' } }, { headers: { vary: ['a', 'b'] } }, true],
    ['with a header that is not there', { headers: { server: 'nginx' } }, {}, false],
    ['with a header every object has', { headers: { constructor: 'object' } }, {}, false],
    ['with all of them, one not so', { status: [400], body: ['x'] }, { status: 400, body: 'y' }, false],
    ['for another path', { path: '/health', status: [200] }, {}, false],
    ['for its path', { path: '/health', status: [200] }, { path: '/health' }, true],
    ['for the first page', { status: [200] }, { path: '/' }, true],
    ['with a text far behind', { body: ['needle'] }, { body: `${' '.repeat(answerLimit)}needle` }, false],
  ];
  for (const [name, when, answer, expected] of cases)
    test(`${name} ${expected ? 'holds' : 'does not hold'}`, () => {
      const found = diagnoseAnswer([appWith(rule(when))], { ...plain, ...answer }, 'a.example.com');
      assert.equal(found.length, expected ? 1 : 0);
    });

  test('becomes a finding with the hostname in its hint', () => {
    assert.deepEqual(diagnoseAnswer([appWith(rule({ status: [200] }, 'says-no'))], plain, 'a.example.com'), [
      {
        plugin: 'app',
        rule: 'says-no',
        severity: 'error',
        code: 'E_APP',
        message: 'It says no.',
        hint: 'Tell it of a.example.com.',
      },
    ]);
  });

  test("of the app comes before any web service's with the same code", () => {
    const other = pluginOf('generic', { diagnose: [rule({ status: [200] }), rule({ status: [200] }, 'y')] }).manifest;
    const found = diagnoseAnswer([appWith(rule({ status: [200] })), other], plain, 'a.example.com');
    assert.deepEqual(
      found.map((one) => [one.plugin, one.rule]),
      [
        ['app', 'x'],
        ['generic', 'y'],
      ],
    );
  });
});

test('a probe asks for the first page, what rules and health are about, and not for more than a few', () => {
  const rules = ['/a', '/', '/a', '/b', '/c', '/d'].map((path) => rule({ path }));
  const app = { ...appWith(...rules), service: { port: 1, health: { path: '/health' } } };
  assert.deepEqual(probePaths(app), ['/', '/a', '/b', '/c']);
  assert.deepEqual(probePaths(appWith()), ['/']);
});

describe('of the catalogue', () => {
  const builtinDir = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'plugins');
  const loaded = loadPlugins({ builtinDir, allowCode: false, logger: createSilentLogger() });

  const answers: readonly (readonly [string, string, Answer, string | undefined])[] = [
    ['home-assistant', 'its 400', { ...plain, status: 400, body: '400: Bad Request' }, 'untrusted-proxy'],
    ['home-assistant', 'its first page', { ...plain, body: '<title>Home Assistant</title>' }, undefined],
    [
      'nextcloud',
      'an unknown name',
      { ...plain, status: 400, body: '<h2>Access through untrusted domain</h2>' },
      'untrusted-domain',
    ],
    [
      'nextcloud',
      'maintenance',
      { ...plain, path: '/status.php', body: '{"installed":true,"maintenance":true,"needsDbUpgrade":false}' },
      'maintenance',
    ],
    ['transmission', 'its 421', { ...plain, status: 421, body: '<h1>421: Misdirected Request</h1>' }, 'host-whitelist'],
    ['syncthing', 'its 403', { ...plain, status: 403, body: 'Host check error' }, 'host-check'],
    ['portainer', 'its 403', { ...plain, status: 403, body: 'Forbidden - origin invalid' }, 'untrusted-origin'],
    [
      'grafana',
      'plain http to TLS',
      { ...plain, status: 400, body: 'Client sent an HTTP request to an HTTPS server.' },
      'plain-http',
    ],
    [
      'wordpress',
      'a redirect to localhost',
      { ...plain, status: 301, headers: { location: 'http://localhost:8080/' } },
      'local-address',
    ],
  ];
  for (const [id, name, answer, expected] of answers)
    test(`${id} is understood: ${name}`, async () => {
      const { plugins } = await loaded;
      const manifests = [id, 'generic'].flatMap((one) => plugins.get(one)?.manifest ?? []);
      assert.equal(diagnoseAnswer(manifests, answer, 'a.example.com')[0]?.rule, expected);
    });
});
