// Tokens and credentials files: what goes in comes out, and what is wrong is said without quoting a secret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatError, ProtocolError, ValidationError } from '../../src/errors.ts';
import {
  bytesToUuid,
  formatCredentialsFile,
  formatToken,
  parseCredentialsFile,
  parseToken,
  uuidToBytes,
} from '../../src/protocol/credentials.ts';

const tunnelId = '11111111-2222-4333-8444-555555555555';
const credentials = fc.record(
  {
    accountTag: fc.string({ minLength: 1, maxLength: 40 }),
    tunnelId: fc.uuid(),
    tunnelSecret: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    endpoint: fc.constantFrom('us', 'fed'),
  },
  { requiredKeys: ['accountTag', 'tunnelId', 'tunnelSecret'] },
);

test('a token comes back as it was, with or without its padding and spaces around it', () => {
  fc.assert(
    fc.property(credentials, (given) => {
      const token = formatToken(given);
      for (const form of [token, ` ${token}\n`, token.replace(/=+$/, '')])
        assert.deepEqual({ ...parseToken(form) }, { ...given });
    }),
  );
});

test('a credentials file comes back as it was', () => {
  fc.assert(
    fc.property(credentials, (given) => {
      assert.deepEqual({ ...parseCredentialsFile(formatCredentialsFile(given), 'x.json') }, { ...given });
    }),
  );
});

test("a token is Cloudflare's, byte for byte", () => {
  const token = formatToken({ accountTag: 'acct', tunnelId, tunnelSecret: Uint8Array.of(1, 2, 3) });
  assert.equal(Buffer.from(token, 'base64').toString(), `{"a":"acct","s":"AQID","t":"${tunnelId}"}`);
});

test('a file as `tunnel create` writes it is read, keys we do not need included', () => {
  const text = `{"AccountTag":"acct","TunnelSecret":"AQID","TunnelID":"${tunnelId.toUpperCase()}","TunnelName":"home","Endpoint":""}`;
  assert.deepEqual(parseCredentialsFile(text, 'x.json'), {
    accountTag: 'acct',
    tunnelId,
    tunnelSecret: Uint8Array.of(1, 2, 3),
  });
});

const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const base64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');

for (const { what, token } of [
  { what: 'nothing', token: '' },
  { what: 'words', token: 'not a token' },
  { what: 'base64 of something else', token: base64(`no json ${secret}`) },
  { what: 'a list', token: base64([secret]) },
  { what: 'no secret', token: base64({ a: 'x', t: tunnelId }) },
  { what: 'a secret that is not base64', token: base64({ a: 'x', s: `${secret}!`, t: tunnelId }) },
  { what: 'an empty secret', token: base64({ a: 'x', s: '', t: tunnelId }) },
  { what: 'no tunnel id', token: base64({ a: 'x', s: secret }) },
  { what: 'a tunnel id that is none', token: base64({ a: 'x', s: secret, t: 'home' }) },
  { what: 'no account', token: base64({ a: '', s: secret, t: tunnelId }) },
  { what: 'far too much', token: 'A'.repeat(20_000) },
]) {
  test(`a token holding ${what} is refused without being quoted`, () => {
    assert.throws(
      () => parseToken(token),
      (error) => {
        assert.ok(error instanceof ValidationError);
        assert.equal(error.code, 'E_TUNNEL');
        assert.equal(error.cause, undefined);
        assert.ok(!formatError(error).includes(secret));
        assert.ok(token === '' || !formatError(error).includes(token));
        return true;
      },
    );
  });
}

for (const text of [
  '',
  '{',
  '[]',
  '{"AccountTag":"a","TunnelID":"x","TunnelSecret":"AQID"}',
  `{"TunnelSecret":"${secret}"`,
]) {
  test(`the credentials file ${text} is refused, naming the file`, () => {
    assert.throws(
      () => parseCredentialsFile(text, '/etc/tunnel.json'),
      (error) => {
        assert.ok(error instanceof ValidationError);
        assert.equal(error.where, '/etc/tunnel.json');
        assert.ok(!formatError(error).includes(secret));
        return true;
      },
    );
  });
}

test('any text is a token or a ValidationError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json().map(base64), fc.base64String()), (text) => {
      try {
        parseToken(text);
      } catch (error) {
        assert.ok(error instanceof ValidationError);
      }
    }),
  );
});

test('a UUID and its bytes', () => {
  fc.assert(fc.property(fc.uuid(), (uuid) => assert.equal(bytesToUuid(uuidToBytes(uuid.toUpperCase())), uuid)));
  assert.throws(() => uuidToBytes('home'), ValidationError);
  assert.throws(() => uuidToBytes(`${tunnelId}0`), ValidationError);
  assert.throws(() => bytesToUuid(new Uint8Array(15)), ProtocolError);
});
