// Stopping: in reverse order, and never held up by one part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLifecycle } from '../src/lifecycle.ts';
import { createSilentLogger } from '../src/logger.ts';

test('parts stop in reverse, and one that fails or hangs does not keep the others from stopping', async () => {
  const stopped: string[] = [];
  const lifecycle = createLifecycle(createSilentLogger());
  lifecycle.add({ name: 'first', stop: async () => void stopped.push('first') });
  lifecycle.add({ name: 'hangs', timeoutMs: 5, stop: () => new Promise(() => undefined) });
  lifecycle.add({ name: 'fails', stop: () => Promise.reject(new Error('no')) });
  lifecycle.add({ name: 'last', stop: async () => void stopped.push('last') });
  await lifecycle.stop();
  assert.deepEqual(stopped, ['last', 'first']);
});
