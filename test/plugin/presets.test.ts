// Presets are offered as what they are: which paths, what for, what still guards them, and never where they make no sense.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bypassesAll, bypassPath } from '../../src/ingress/bypass-path.ts';
import type { IngressEntry } from '../../src/model.ts';
import type { PluginManifest } from '../../src/plugin/catalogue.ts';
import { presetsFor } from '../../src/plugin/presets.ts';
import { pluginOf } from './sample.ts';

const photos = pluginOf('photos', {
  name: 'Photos',
  access: {
    sensitivity: 'protect',
    serviceToken: 'In the app: Headers.',
    presets: [
      { name: 'app', opens: 'the API', why: 'It cannot log in.', guard: 'accounts', paths: ['/api/', '/ping'] },
      { name: 'hooks', opens: 'hooks', why: 'Callers.', guard: 'nothing', risk: 'Beware.', paths: ['/api/hooks/'] },
    ],
  },
}).manifest;

function entry(access: IngressEntry['access'], path?: string) {
  return { access, rule: path === undefined ? {} : { path } };
}

describe('presets', () => {
  test('are offered with what they open, what guards it, and the whole list to confirm', () => {
    const { offers } = presetsFor(photos, entry({ policy: 'family', bypassPaths: ['/robots.txt'] }));
    assert.deepEqual(offers[0], {
      name: 'app',
      opens: 'the API',
      why: 'It cannot log in.',
      risk: "The app's own accounts still guard them.",
      paths: ['/api/', '/ping'],
      isActive: false,
      bypassPaths: ['/robots.txt', '/api/', '/ping'],
    });
    assert.match(offers[1]?.risk ?? '', /open to everyone\. Beware\.$/);
  });

  const open: readonly (readonly [string, readonly string[], readonly boolean[]])[] = [
    ['nothing', [], [false, false]],
    ['all of one', ['/ping', '/api/'], [true, true]],
    ['a part of one', ['/api/'], [false, true]],
    ['something longer', ['/api/hooks/'], [false, true]],
    ['something that only begins alike', ['/api'], [false, true]],
    ['a neighbour', ['/apihooks'], [false, false]],
    ['a wildcard that may or may not cover it', ['/*/hooks/'], [false, false]],
  ];
  for (const [name, bypassPaths, active] of open)
    test(`where ${name} is open say which of them are active`, () => {
      const { offers } = presetsFor(photos, entry({ policy: 'family', bypassPaths }));
      assert.deepEqual(
        offers.map(({ isActive }) => isActive),
        active,
      );
    });

  test('say how an app sends a service token', () => {
    const { serviceToken } = presetsFor(photos, entry({ policy: 'family' }));
    assert.match(serviceToken ?? '', /^In the app: Headers\. .*sallyport access token create/);
  });

  test('are not offered for what is public already, nor for a part of a site', () => {
    assert.deepEqual(presetsFor(photos, entry('public')).offers, []);
    assert.match(presetsFor(photos, entry('public')).refused ?? '', /open already/);
    assert.deepEqual(presetsFor(photos, entry({ policy: 'family' }, '^/admin')).offers, []);
  });

  test('are refused for what should never be reached, with the reason', () => {
    const access = { ...photos.access, sensitivity: 'never' as const, reason: 'it is a shell' };
    const { offers, refused } = presetsFor({ ...photos, access }, entry({ policy: 'family' }));
    assert.deepEqual(offers, []);
    assert.match(refused ?? '', /nothing of Photos is opened without login: it is a shell/);
  });

  test('include the short form of a manifest', () => {
    const short: PluginManifest = { ...photos, access: { sensitivity: 'protect', suggestBypass: ['/rest/'] } };
    const { offers } = presetsFor(short, entry({ policy: 'family' }));
    assert.deepEqual(
      offers.map(({ name, paths }) => [name, paths]),
      [['clients', ['/rest/']]],
    );
  });

  test('of paths are ones an Access application can say, and none is the whole site', () => {
    for (const { paths } of presetsFor(photos, entry({ policy: 'x' })).offers)
      for (const path of paths) assert.ok(bypassPath(path) !== undefined && !bypassesAll(path), path);
  });
});
