// The names a page for this machine only may be asked for under.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOwnHost } from '../../src/web/host.ts';

describe('a Host header', () => {
  const own = [
    undefined,
    '',
    '127.0.0.1',
    '127.0.0.1:8090',
    '192.168.1.2:80',
    '[::1]',
    '[::1]:8090',
    'localhost',
    'LOCALHOST.:8090',
    'page.localhost:8090',
    'NAS:8090',
    'nas.',
  ];
  for (const header of own) test(`${header} is ours`, () => assert.equal(isOwnHost(header, ['nas']), true));

  const foreign = [
    'example.com',
    'example.com:8090',
    'localhost.example.com',
    'notlocalhost',
    '127.0.0.1.nip.io',
    'nas.example.com',
    '[nas]',
    '[127.0.0.1]',
    '::1',
    'localhost:80:90',
    'localhost@example.com',
    ' localhost',
  ];
  for (const header of foreign) test(`${header} is not`, () => assert.equal(isOwnHost(header, ['nas']), false));
});
