// The YAML of Compose files: every reader takes each value for the text it is.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { composeValue, quoteYaml, yamlKey } from '../../src/export/compose-yaml.ts';

describe('the YAML', () => {
  test('has each value as the text it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, value) => {
        const text = `${yamlKey(key)}: ${quoteYaml(value)}\n`;
        assert.deepEqual(Object.entries(parse(text) as object), [[key, value]]);
        assert.equal(text.trimEnd().split(/[\n\r\u0085\u2028\u2029]/).length, 1);
      }),
    );
  });

  test('has keys that mean the same to every reader', () => {
    for (const key of ['on', 'YES', 'no', 'null', '1', '1.0', '-', '~', '', 'y', 'a: b', '<<'])
      assert.equal(yamlKey(key), JSON.stringify(key));
    for (const key of ['app', 'immich-server', 'sallyport.access.bypass', '_x']) assert.equal(yamlKey(key), key);
  });

  test('doubles each dollar, which Compose halves again', () => {
    assert.equal(composeValue('^/$a$$'), '^/$$a$$$$');
  });
});
