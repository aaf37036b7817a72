// cert.pem: written as cloudflared reads it, read as cloudflared reads it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { formatOriginCert, parseOriginCert } from '../../src/tunnel/origin-cert.ts';

const cert = { zoneId: 'zone1', accountId: 'account1', apiToken: 'a-very-secret-token' };

function block(label: string, body: string): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

function token(fields: unknown): string {
  return block('ARGO TUNNEL TOKEN', Buffer.from(JSON.stringify(fields)).toString('base64'));
}

const fields = { zoneID: 'zone1', accountID: 'account1', apiToken: 'a-very-secret-token' };

describe('cert.pem', () => {
  test('what is written is read back', () => {
    assert.deepEqual(parseOriginCert(formatOriginCert(cert), 'cert.pem'), cert);
    const fed = { ...cert, endpoint: 'fed' };
    assert.deepEqual(parseOriginCert(formatOriginCert(fed), 'cert.pem'), fed);
  });

  test('it is PEM with lines of 64 characters', () => {
    const lines = formatOriginCert({ ...cert, apiToken: 'x'.repeat(300) }).split('\n');
    assert.equal(lines[0], '-----BEGIN ARGO TUNNEL TOKEN-----');
    assert.ok(lines.every((line) => line.length <= 64));
  });

  test('older blocks beside the token, text around them and Windows line ends are tolerated', () => {
    const old = `hello\n${block('PRIVATE KEY', 'AAAA')}${block('CERTIFICATE', 'BBBB')}${token(fields)}`;
    assert.deepEqual(parseOriginCert(old.replaceAll('\n', '\r\n'), 'cert.pem'), cert);
  });

  const refused: readonly [what: string, text: string, says: RegExp][] = [
    ['an empty file', '', /missing token/],
    ['no token', block('CERTIFICATE', 'AAAA'), /missing token/],
    ['two tokens', token(fields) + token(fields), /multiple tokens/],
    ['an unknown block', token(fields) + block('RSA PUBLIC KEY', 'AAAA'), /unknown block/],
    ['a token that is no JSON', block('ARGO TUNNEL TOKEN', 'bm9wZQ=='), /cannot be read/],
    ['no API token', token({ zoneID: 'z', accountID: 'a' }), /apiToken/],
    ['an API token with a line break', token({ ...fields, apiToken: 'a\nb' }), /apiToken/],
    ['an account that would be another path', token({ ...fields, accountID: '../../x' }), /accountID/],
    ['a block without an end', token(fields).slice(0, 60), /missing token/],
  ];
  for (const [what, text, says] of refused)
    test(`${what} is refused, and nothing of it is quoted`, () => {
      assert.throws(
        () => parseOriginCert(text, '/home/me/cert.pem'),
        (error) =>
          error instanceof AppError &&
          error.code === 'E_TUNNEL' &&
          error.where === '/home/me/cert.pem' &&
          says.test(error.message) &&
          !error.message.includes('a-very-secret-token'),
      );
    });
});
