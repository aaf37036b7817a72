// Waiting and trying again: how long, how often, and when not at all. Time is the test's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import { waitBeforeRetry } from '../../src/cloudflare/patience.ts';
import { ApiError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createFakeClock } from '../fakes/clock.ts';
import { type ApiWorld, apiToken, createApiWorld, never } from './api-world.ts';

const failed = { status: 503, isRetryable: true, retryAfterMs: undefined };
const waits: readonly {
  readonly name: string;
  readonly wait: number | undefined;
  readonly expected: number | undefined;
}[] = [
  { name: 'the first wait is short', wait: waitBeforeRetry(failed, 1, () => 1), expected: 500 },
  { name: 'with jitter it is half of that at least', wait: waitBeforeRetry(failed, 1, () => 0), expected: 250 },
  { name: 'the second is twice as long', wait: waitBeforeRetry(failed, 2, () => 1), expected: 1_000 },
  { name: 'there is no fourth try', wait: waitBeforeRetry(failed, 3), expected: undefined },
  { name: 'a wish is obeyed', wait: waitBeforeRetry({ ...failed, retryAfterMs: 7_000 }, 1), expected: 7_000 },
  {
    name: 'a long wish is left to the next pass',
    wait: waitBeforeRetry({ ...failed, retryAfterMs: 11_000 }, 1),
    expected: undefined,
  },
  {
    name: 'a mistake stays one',
    wait: waitBeforeRetry({ ...failed, status: 400, isRetryable: false }, 1),
    expected: undefined,
  },
  { name: 'a conflict stays one', wait: waitBeforeRetry({ ...failed, status: 409 }, 1), expected: undefined },
  {
    name: 'no answer at all is worth another try',
    wait: waitBeforeRetry({ ...failed, status: undefined }, 1, () => 1),
    expected: 500,
  },
];
for (const { name, wait, expected } of waits) test(name, () => assert.equal(wait, expected));

function client(world: ApiWorld, fields: Partial<Parameters<typeof createCloudflareApi>[0]> = {}) {
  const clock = createFakeClock(Date.UTC(2026, 0, 1));
  const api = createCloudflareApi({ apiToken, baseUrl: world.baseUrl, logger: createSilentLogger(), clock, ...fields });
  return { api, clock };
}

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApiError, `expected an ApiError, got ${String(error)}`);
  return error;
}

test('a storm of 500s costs three tries and ends with code and ray id', async (t) => {
  const world = await createApiWorld(t);
  const { api, clock } = client(world);
  world.fault = () => ({ status: 500, headers: { 'cf-ray': 'abc123' } });
  const asked = failureOf(api.zones.list(never()));
  for (let wait = 0; wait < 2; wait++) {
    await clock.sleeping(1);
    await clock.advance(10_000);
  }
  const error = await asked;
  assert.equal(world.calls.length, 3);
  assert.deepEqual([error.code, error.status, error.rayId, error.retryable], ['E_API', 500, 'abc123', true]);
  assert.match(error.message, /500 injected \(1\), ray abc123/);
  assert.ok((clock.asked[0] ?? 0) <= 500 && (clock.asked[1] ?? 0) <= 1_000);
});

test('a storm that passes is not noticed', async (t) => {
  const world = await createApiWorld(t);
  const { api, clock } = client(world);
  let storms = 2;
  world.fault = () => (storms-- > 0 ? 'reset' : undefined);
  const asked = api.accounts.list(never());
  for (let wait = 0; wait < 2; wait++) {
    await clock.sleeping(1);
    await clock.advance(10_000);
  }
  assert.equal((await asked).length, 1);
});

test('Retry-After may be a date', async (t) => {
  const world = await createApiWorld(t);
  const { api, clock } = client(world);
  let refusals = 1;
  const date = new Date(clock.now() + 4_000).toUTCString();
  world.fault = () => (refusals-- > 0 ? { status: 429, headers: { 'retry-after': date } } : undefined);
  const asked = api.zones.list(never());
  await clock.sleeping(1);
  assert.deepEqual(clock.asked, [4_000]);
  await clock.advance(4_000);
  await asked;
});

test('what one call was told counts for all: until then nothing is asked', async (t) => {
  const world = await createApiWorld(t);
  const { api, clock } = client(world);
  world.fault = () => ({ status: 429, headers: { 'retry-after': '300' } });
  assert.equal((await failureOf(api.zones.list(never()))).code, 'E_API_RATE_LIMITED');
  world.fault = () => undefined;
  const again = await failureOf(api.accounts.list(never()));
  assert.deepEqual([again.code, again.retryable], ['E_API_RATE_LIMITED', true]);
  assert.match(again.hint ?? '', /300 s/);
  assert.equal(world.calls.length, 1);
  await clock.advance(300_000);
  assert.equal((await api.accounts.list(never())).length, 1);
});

test("the API's own budget is obeyed: who exceeded it asks nothing for a window", async (t) => {
  const world = await createApiWorld(t, { rateLimit: { requests: 3, windowMs: 60_000 } });
  const { api } = client(world);
  for (let call = 0; call < 3; call++) await api.zones.list(never());
  const error = await failureOf(api.zones.list(never()));
  assert.equal(error.code, 'E_API_RATE_LIMITED');
  const seen = world.calls.length;
  for (let call = 0; call < 50; call++) await failureOf(api.zones.list(never()));
  assert.equal(world.calls.length, seen, 'nothing was asked while the budget was used up');
});

test('our own budget is a little smaller than the one everybody shares', async (t) => {
  const world = await createApiWorld(t);
  const { api, clock } = client(world, { budget: { requests: 5, windowMs: 300_000 } });
  for (let call = 0; call < 5; call++) await api.zones.list(never());
  const error = await failureOf(api.zones.list(never()));
  assert.equal(error.code, 'E_API_RATE_LIMITED');
  assert.match(error.message, /5 requests were made in 5 minutes/);
  assert.equal(world.calls.length, 5);
  await clock.advance(300_000);
  await api.zones.list(never());
});

test('an API that does not answer is given up after its time, three times', async (t) => {
  const world = await createApiWorld(t);
  const { api, clock } = client(world, { timeoutMs: 30 });
  world.fault = () => 'hang';
  const asked = failureOf(api.zones.list(never()));
  for (let wait = 0; wait < 2; wait++) {
    await clock.sleeping(1);
    await clock.advance(10_000);
  }
  const error = await asked;
  assert.deepEqual([error.code, error.retryable], ['E_API_UNREACHABLE', true]);
  assert.equal(world.calls.length, 3);
});
