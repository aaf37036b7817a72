// Error pages: what is in them, and what can never be.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type ProblemKind, renderProblem } from '../../../src/edge/visitors/pages.ts';

const context = { hostname: 'app.test', ray: '0123456789abcdef-sallyport', accept: undefined };

const expected: readonly (readonly [kind: ProblemKind, status: number, code: number | undefined])[] = [
  ['bad-request', 400, undefined],
  ['reserved-host', 403, undefined],
  ['upload-stalled', 408, undefined],
  ['too-large', 413, undefined],
  ['path-too-long', 414, undefined],
  ['headers-too-large', 431, undefined],
  ['origin-down', 502, undefined],
  ['connection-lost', 502, undefined],
  ['bad-answer', 502, undefined],
  ['loop', 508, undefined],
  ['timeout', 524, undefined],
  ['no-record', 530, 1016],
  ['no-tunnel', 530, 1016],
  ['no-connector', 530, 1033],
];

for (const [kind, status, code] of expected) {
  test(`the page for ${kind} has status ${status}`, () => {
    const html = renderProblem(kind, context);
    assert.equal(html.status, status);
    const text = html.body.toString();
    assert.match(text, /^<!doctype html>/);
    assert.ok(text.includes('ray 0123456789abcdef-sallyport') && text.includes('app.test'));
    assert.equal(/error code: (\d+)/.exec(text)?.[1], code === undefined ? undefined : String(code));
    const json = JSON.parse(renderProblem(kind, { ...context, accept: 'application/json' }).body.toString());
    assert.equal(json.status, status);
    assert.equal(json.error_code, code);
    assert.equal(json.ray_id, context.ray);
  });
}

test('everything that came from the visitor is escaped', () => {
  const hostname = `<script>alert("1")</script>&'`;
  const { body } = renderProblem('no-record', { ...context, hostname });
  assert.ok(!body.toString().includes('<script>'));
  assert.ok(body.toString().includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;'));
});

const accepts: readonly (readonly [accept: string | undefined, type: RegExp])[] = [
  [undefined, /html/],
  ['*/*', /html/],
  ['text/html,application/xhtml+xml,application/json;q=0.9', /html/],
  ['application/json', /json/],
  ['application/problem+json, text/html', /json/],
  ['Application/JSON', /json/],
];

for (const [accept, type] of accepts) {
  test(`Accept: ${accept} is answered with ${type.source}`, () => {
    const { headers } = renderProblem('loop', { ...context, accept });
    assert.match(headers[headers.indexOf('content-type') + 1] ?? '', type);
  });
}
