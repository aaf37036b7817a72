import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, header } from './edge.ts';
import { startOrigin, startRig } from './rig.ts';

test('a request reaches the origin and its answer the edge', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    response.setHeader('X-Seen-Host', request.headers.host ?? '');
    response.end(`hello ${request.url}`);
  });
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const answer = await ask(connection, { ':path': '/a?b=c' });
  assert.equal(answer.status, 200);
  assert.equal(answer.source, 'origin');
  assert.equal(answer.body.toString(), 'hello /a?b=c');
  assert.equal(header(answer.headers, 'x-seen-host'), 'app.test');
  assert.equal(connector.metrics().requests, 1);
});
