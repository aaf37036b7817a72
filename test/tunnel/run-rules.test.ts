// The rules a tunnel starts with.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCloudflaredConfig } from '../../src/ingress/cloudflared-file.ts';
import { edgeSlots, startingRules } from '../../src/tunnel/run-rules.ts';

const config = (text: string) => parseCloudflaredConfig(text, 'cloudflared.yml');

describe('the rules a tunnel starts with', () => {
  test('the file’s ingress wins over a single origin, with the global options folded in', () => {
    const rules = startingRules(
      config(
        'originRequest: { noTLSVerify: true }\ningress:\n- { hostname: a.example.com, service: https://a }\n- service: http_status:404\n',
      ),
      { url: 'http://b' },
    );
    assert.deepEqual(
      rules.map((rule) => rule.service),
      ['https://a', 'http_status:404'],
    );
    assert.equal(rules[0]?.originRequest?.noTLSVerify, true);
  });

  const single: readonly [what: string, origin: Parameters<typeof startingRules>[1], service: string | undefined][] = [
    ['a URL', { url: 'https://127.0.0.1:8443' }, 'https://127.0.0.1:8443'],
    ['a host and port', { url: 'localhost:3000' }, 'http://localhost:3000'],
    ['a socket', { unixSocket: '/run/app.sock' }, 'unix:/run/app.sock'],
    ['the hello page', { helloWorld: true, url: 'http://x' }, 'hello_world'],
    ['nothing', {}, undefined],
  ];
  for (const [what, origin, service] of single)
    test(`without ingress rules, ${what} becomes ${service ?? 'no rule at all'}`, () => {
      assert.deepEqual(startingRules(undefined, origin), service === undefined ? [] : [{ service }]);
    });

  test('a single origin takes the file’s options, and its own win', () => {
    const rules = startingRules(config('originRequest: { noTLSVerify: true, httpHostHeader: a }\n'), {
      url: 'https://x',
      originRequest: { httpHostHeader: 'b' },
    });
    assert.deepEqual(rules, [{ service: 'https://x', originRequest: { noTLSVerify: true, httpHostHeader: 'b' } }]);
  });

  test('one edge address serves as many connections as are wanted', () => {
    assert.deepEqual(edgeSlots(['a:1', 'b:2'], 3), ['a:1', 'b:2', 'a:1']);
    assert.deepEqual(edgeSlots(['a:1', 'b:2'], 1), ['a:1', 'b:2']);
  });
});
