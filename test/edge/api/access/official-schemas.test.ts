// The API against the official request schemas, where a copy of them lies beside the checkout.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv, type AnySchemaObject } from 'ajv';
import { type ApiFixture, startApi } from '../fixture.ts';

const file = join(import.meta.dirname, '../../../../../shared/data/cloudflare-api-schemas.json');
const skip = existsSync(file) ? false : 'there is no copy of the schemas';

interface Schemas {
  readonly operations: Readonly<Record<string, AnySchemaObject>>;
}

interface ListSchema {
  readonly items: { readonly anyOf: readonly { readonly required: readonly string[] }[] };
}

describe('what the official schemas say', { skip }, () => {
  const ajv = new Ajv({ strict: false });
  let operations: Schemas['operations'] = {};
  let fixture: ApiFixture;
  before(async () => {
    ({ operations } = JSON.parse(readFileSync(file, 'utf8')) as Schemas);
    fixture = await startApi();
    await fixture.call('POST', `${fixture.account}/access/tags`, { name: 'ours' });
  });
  after(() => fixture.stop());

  function schemaOf(operation: string): AnySchemaObject {
    const schema = operations[operation];
    assert.ok(schema, operation);
    return schema;
  }

  function propertiesOf(operation: string): Readonly<Record<string, { readonly type?: string }>> {
    return schemaOf(operation).properties;
  }

  const everyone = [{ everyone: {} }];
  const bodies: { operation: string; body: Record<string, unknown>; isValid: boolean }[] = [
    { operation: 'apps', body: { type: 'self_hosted', domain: 'a.example.com', tags: ['ours'] }, isValid: true },
    {
      operation: 'apps',
      body: {
        type: 'self_hosted',
        domain: 'b.example.com',
        destinations: [{ type: 'public', uri: 'b.example.com' }],
        session_duration: '24h',
        app_launcher_visible: false,
        cors_headers: { allowed_methods: ['GET'], max_age: 3 },
        policies: [],
      },
      isValid: true,
    },
    { operation: 'apps', body: { type: 'moon', domain: 'c.example.com' }, isValid: false },
    { operation: 'apps', body: { type: 'self_hosted', domain: 7 }, isValid: false },
    { operation: 'apps', body: { type: 'self_hosted', domain: 'c.example.com', tags: 'ours' }, isValid: false },
    { operation: 'apps', body: { type: 'self_hosted', domain: 'c.example.com', policies: [7] }, isValid: false },
    { operation: 'policies', body: { name: 'p', decision: 'allow', include: everyone }, isValid: true },
    {
      operation: 'policies',
      body: {
        name: 'p',
        decision: 'bypass',
        include: everyone,
        exclude: everyone,
        require: [],
        session_duration: '1h',
      },
      isValid: true,
    },
    { operation: 'policies', body: { name: 'p', decision: 'block', include: everyone }, isValid: false },
    { operation: 'policies', body: { name: 'p', decision: 'allow' }, isValid: false },
    { operation: 'policies', body: { name: 'p', decision: 'allow', include: [{ mail: {} }] }, isValid: false },
    { operation: 'policies', body: { name: 'p', decision: 'allow', include: [{ email: {} }] }, isValid: false },
    { operation: 'groups', body: { name: 'g', include: everyone }, isValid: true },
    { operation: 'groups', body: { include: everyone }, isValid: false },
    { operation: 'service_tokens', body: { name: 't', duration: '8760h', enabled: true }, isValid: true },
    { operation: 'service_tokens', body: { duration: '8760h' }, isValid: false },
    { operation: 'service_tokens', body: { name: 't', enabled: 'yes' }, isValid: false },
    { operation: 'identity_providers', body: { name: 'i', type: 'github', config: { client_id: 'x' } }, isValid: true },
    { operation: 'identity_providers', body: { name: 'i', type: 'moon', config: {} }, isValid: false },
  ];

  test('is accepted and refused here too', async () => {
    for (const { operation, body, isValid } of bodies) {
      const check = ajv.compile(schemaOf(`POST /accounts/{account_id}/access/${operation}`));
      const text = `${operation} ${JSON.stringify(body)}`;
      assert.equal(check(body), isValid, text);
      const { status } = await fixture.call('POST', `${fixture.account}/access/${operation}`, body);
      assert.equal(status, isValid ? 201 : 400, text);
    }
  });

  test('every selector of a rule is known', async () => {
    const { include } = propertiesOf('POST /accounts/{account_id}/access/policies') as { include?: ListSchema };
    const selectors = include?.items.anyOf.flatMap(({ required }) => required) ?? [];
    assert.ok(selectors.length > 20);
    for (const selector of selectors) {
      const body = { name: 'p', decision: 'allow', include: [{ [selector]: { nothing: 'known' } }] };
      const answer = await fixture.call('POST', `${fixture.account}/access/policies`, body);
      assert.doesNotMatch(JSON.stringify(answer.body.errors), /unknown selector/, selector);
    }
  });

  test('every switch and text of an application and of the organisation is kept', async () => {
    const organization = await keeps('PUT', 'organizations', {});
    assert.ok(organization > 5);
    const app = await keeps('POST', 'apps', { type: 'self_hosted', domain: 'all.example.com' });
    assert.ok(app > 10);
  });

  /** Sends every plain field of an operation, and counts those it finds again. */
  async function keeps(method: 'PUT' | 'POST', path: string, body: Record<string, unknown>): Promise<number> {
    const fields = Object.entries(propertiesOf(`${method} /accounts/{account_id}/access/${path}`)).filter(
      ([name]) => !(name in body) && name !== 'auto_redirect_to_identity',
    );
    const values = fields.flatMap(([name, { type }]): [string, unknown][] => {
      if (type === 'boolean') return [[name, true]];
      return type === 'string' ? [[name, textFor(name)]] : [];
    });
    const sent = Object.fromEntries(values);
    const answer = await fixture.call(method, `${fixture.account}/access/${path}`, { ...body, ...sent });
    assert.ok(answer.body.success, JSON.stringify(answer.body.errors));
    for (const [name, value] of values) assert.deepEqual(answer.body.result[name], value, name);
    return values.length;
  }
});

/** A text that the field of that name accepts. */
function textFor(name: string): string {
  if (name === 'same_site_cookie_attribute') return 'lax';
  return /duration|time$/.test(name) ? '24h' : 'text';
}
