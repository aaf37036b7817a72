// checkRules and the readers against cloudflared's answers, through the functions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValidationError } from '../../src/errors.ts';
import {
  parseCloudflaredConfig,
  parseCloudflaredFlag,
  parseCloudflaredJson,
} from '../../src/ingress/cloudflared-file.ts';
import { foldOriginRequest, originRequestDefaults } from '../../src/ingress/origin-request.ts';
import { type CheckedRule, checkRules } from '../../src/ingress/validate.ts';
import { cases } from './fixtures/cases.ts';

function check(yaml: string): readonly CheckedRule[] {
  const config = parseCloudflaredConfig(yaml, '<FILE>');
  return checkRules(foldOriginRequest(config.ingress, config.originRequest));
}

for (const c of cases.parse) {
  const urlProblem = c.stderr.startsWith("You can't set the --url flag");
  if (c.exit === 0)
    test(`accepted as by cloudflared: ${c.name}`, () => {
      const rules = check(c.yaml);
      if (c.rules === undefined) return;
      assert.deepEqual(
        rules.map((rule) => ({
          hostname: rule.rule.hostname ?? '',
          path: rule.rule.path ?? null,
          service: rule.target.service,
        })),
        c.rules,
      );
    });
  else if (!urlProblem)
    test(`refused as by cloudflared: ${c.name}`, () => {
      assert.throws(
        () => check(c.yaml),
        (error: unknown) =>
          error instanceof ValidationError &&
          error.code === 'E_INGRESS_INVALID' &&
          error.message === c.stderr.trimEnd().replace('Validation failed: ', ''),
      );
    });
}

for (const c of cases.json)
  test(`JSON ${c.exit === 0 ? 'accepted' : 'refused'} as by cloudflared: ${c.name}`, () => {
    const parse = () => {
      const config = parseCloudflaredFlag(c.json, 'flag');
      return checkRules(foldOriginRequest(config.ingress, config.originRequest));
    };
    if (c.exit === 0) assert.ok(parse().length > 0);
    else assert.throws(parse, { name: 'ValidationError', message: c.stderr.trimEnd() });
  });

test('a rule inherits the global originRequest, its own values win, defaults fill the rest', () => {
  const [first, second] = check(`
originRequest: {connectTimeout: 1m, noTLSVerify: true, httpHostHeader: global}
ingress:
- {hostname: a.test, service: "https://x", originRequest: {noTLSVerify: false, httpHostHeader: "", connectTimeout: 1.5s}}
- service: https://y
`);
  assert.deepEqual(first?.originRequest, { ...originRequestDefaults, connectTimeout: 1.5 });
  assert.deepEqual(second?.originRequest, {
    ...originRequestDefaults,
    connectTimeout: 60,
    noTLSVerify: true,
    httpHostHeader: 'global',
  });
});

test('JSON durations are whole seconds', () => {
  const config = parseCloudflaredJson('{"ingress":[{"service":"http://x","originRequest":{"tlsTimeout":7}}]}', 'push');
  assert.equal(checkRules(config.ingress)[0]?.originRequest.tlsTimeout, 7);
});

test('a global access block guards every rule, unlike cloudflared (decision 022)', () => {
  const [rule] = check('originRequest: {access: {required: true, teamName: t}}\ningress:\n- service: http://x\n');
  assert.deepEqual(rule?.originRequest.access, { required: true, teamName: 't' });
});

test('an error says which rule it is about', () => {
  assert.throws(() => checkRules([{ hostname: 'a', path: '(', service: 'http://x' }, { service: 'http://y' }]), {
    message: 'Rule #1 has an invalid regex: error parsing regexp: missing closing ): `(`',
    where: '/ingress/0',
  });
});

test("a pattern that ends in a backslash is refused in Go's words", () => {
  assert.throws(() => checkRules([{ path: '\\', service: 'http://x' }, { service: 'http://y' }]), {
    message: 'Rule #1 has an invalid regex: error parsing regexp: trailing backslash at end of expression: ``',
  });
});
