// Services as tagged unions, beyond the cases cloudflared was asked about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValidationError } from '../../src/errors.ts';
import { parseServiceUrl } from '../../src/ingress/service-url.ts';

const accepted = [
  ['http://h', { kind: 'http', hostname: 'h', port: 80, service: 'http://h' }],
  ['HTTPS://H:8443', { kind: 'https', hostname: 'H', port: 8443, service: 'https://H:8443' }],
  ['ws://h:1', { kind: 'http', hostname: 'h', port: 1, service: 'ws://h:1' }],
  ['wss://[::1]', { kind: 'https', hostname: '::1', port: 443, service: 'wss://[::1]' }],
  ['http://h?', { kind: 'http', hostname: 'h', port: 80, service: 'http://h?' }],
  ['http://h:', { kind: 'http', hostname: 'h', port: 80, service: 'http://h:' }],
  ['http://h:1?a=b#c', { kind: 'http', hostname: 'h', port: 1, service: 'http://h:1?a=b#c' }],
  ['http://bücher', { kind: 'http', hostname: 'bücher', port: 80, service: 'http://b%C3%BCcher' }],
  ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock', service: 'unix:/run/x.sock' }],
  ['unix+tls:/run/x.sock', { kind: 'unix+tls', path: '/run/x.sock', service: 'unix+tls:/run/x.sock' }],
  ['http_status:+204', { kind: 'http_status', status: 204, service: 'http_status:204' }],
  ['hello-world', { kind: 'hello_world', service: 'hello_world' }],
  ['bastion', { kind: 'bastion', service: 'bastion' }],
  ['ssh://u@h', { kind: 'tcp', scheme: 'ssh', hostname: 'h', port: 22, service: 'ssh://h:22' }],
  ['rdp://h', { kind: 'tcp', scheme: 'rdp', hostname: 'h', port: 3389, service: 'rdp://h:3389' }],
  [
    'ssh://[fe80::1%25eth0]',
    { kind: 'tcp', scheme: 'ssh', hostname: 'fe80::1%eth0', port: 22, service: 'ssh://[fe80::1%eth0]:22' },
  ],
  [
    'constructor://h',
    { kind: 'tcp', scheme: 'constructor', hostname: 'h', port: undefined, service: 'constructor://h' },
  ],
] as const;
for (const [service, expected] of accepted)
  test(`${service} is understood`, () => assert.deepEqual(parseServiceUrl(service), expected));

const refused = [
  ['http_status:', 'invalid HTTP status code: strconv.Atoi: parsing "": invalid syntax'],
  [
    'http_status:99999999999999999999',
    'invalid HTTP status code: strconv.Atoi: parsing "99999999999999999999": value out of range',
  ],
  ['http_status:99', 'invalid HTTP status code: 99'],
  [':8080', 'parse ":8080": missing protocol scheme'],
  ['1.2.3.4:80', 'parse "1.2.3.4:80": first path segment in URL cannot contain colon'],
  ['http://h:port', 'parse "http://h:port": invalid port ":port" after host'],
  ['http://[::1', 'parse "http://[::1": missing \']\' in host'],
  ['http://h%41', 'parse "http://h%41": invalid URL escape "%41"'],
  ['http://h/%zz', 'parse "http://h/%zz": invalid URL escape "%zz"'],
  ['http://h\n', 'parse "http://h\\n": net/url: invalid control character in URL'],
  ['http://a b@h', 'parse "http://a b@h": net/url: invalid userinfo'],
  ['http:h', 'http:h is an invalid address, please make sure it has a scheme and a hostname'],
] as const;
for (const [service, message] of refused)
  test(`${JSON.stringify(service)} is refused in cloudflared's words`, () => {
    assert.throws(() => parseServiceUrl(service), { name: 'ValidationError', code: 'E_INGRESS_INVALID', message });
  });

test('bastionMode makes any service a bastion, but not a socket or a status', () => {
  assert.equal(parseServiceUrl('', { bastionMode: true }).kind, 'bastion');
  assert.equal(parseServiceUrl('unix:/x', { bastionMode: true }).kind, 'unix');
});

test('no text makes the reader throw anything but its own error', async () => {
  const { default: fc } = await import('fast-check');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom('http', ':', '/', '//', '[', ']', '%', '%25', '@', '#', '?', '::1', 'h', '80', 'é', '\u0000'),
        {
          maxLength: 8,
        },
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (service) => {
      try {
        const target = parseServiceUrl(service);
        // Its canonical form means the same again.
        if (target.kind !== 'tcp') assert.deepEqual(parseServiceUrl(target.service).kind, target.kind);
      } catch (error) {
        assert.ok(error instanceof ValidationError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
