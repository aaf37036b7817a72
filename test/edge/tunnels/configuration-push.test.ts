// Configurations reach every connector once per version, whatever its connections go through.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startRig, until } from '../rig.ts';
import { type EdgeStream, respond } from '../test-connector.ts';

interface Push {
  readonly version: number;
  readonly config: unknown;
}

/** Records pushes and answers them as cloudflared does. */
function recorder(answerFor: (push: Push) => unknown = (push) => ({ lastAppliedVersion: push.version, err: null })) {
  const pushes: Push[] = [];
  const onStream = async ({ kind, stream }: EdgeStream) => {
    assert.equal(kind, 'update-configuration');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const push: Push = JSON.parse(Buffer.concat(chunks).toString());
    pushes.push(push);
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify(answerFor(push)));
  };
  return { pushes, onStream };
}

const config = { ingress: [{ service: 'http_status:404' }] };

test('a connector gets the configuration there is when it registers, once for all its connections', async (t) => {
  const rig = await startRig(t);
  rig.directory.configure(rig.tunnel.id, { version: 3, config });
  const { pushes, onStream } = recorder();
  const { clientId } = await rig.connect({ onStream });
  await until(() => pushes.length === 1);
  await rig.connect({ onStream, clientId, connIndex: 1 });
  rig.directory.configure(rig.tunnel.id, { version: 4, config });
  await until(() => pushes.length === 2);
  assert.deepEqual(pushes, [
    { version: 3, config },
    { version: 4, config },
  ]);
});

test('a change reaches every connector', async (t) => {
  const rig = await startRig(t);
  const one = recorder();
  const two = recorder();
  await rig.connect({ onStream: one.onStream });
  await rig.connect({ onStream: two.onStream });
  rig.directory.configure(rig.tunnel.id, { version: 0, config });
  await until(() => one.pushes.length === 1 && two.pushes.length === 1);
});

test('a connector that keeps its own rules is pushed none', async (t) => {
  const rig = await startRig(t);
  const own = recorder();
  const other = recorder();
  await rig.connect({ onStream: own.onStream, features: ['serialized_headers'] });
  await rig.connect({ onStream: other.onStream });
  rig.directory.configure(rig.tunnel.id, { version: 1, config });
  await until(() => other.pushes.length === 1);
  assert.deepEqual(own.pushes, []);
});

test('changes made while one is on its way end with the newest', async (t) => {
  const rig = await startRig(t);
  const { pushes, onStream } = recorder();
  await rig.connect({ onStream });
  for (let version = 1; version <= 20; version++) rig.directory.configure(rig.tunnel.id, { version, config });
  await until(() => pushes.at(-1)?.version === 20);
  assert.ok(pushes.length <= 3, `${pushes.length} pushes`);
});

test('a refused configuration is not pushed again, the next one is', async (t) => {
  const rig = await startRig(t);
  const { pushes, onStream } = recorder((push) => ({
    lastAppliedVersion: push.version === 1 ? -1 : push.version,
    err: {},
  }));
  const { clientId } = await rig.connect({ onStream });
  rig.directory.configure(rig.tunnel.id, { version: 1, config });
  await until(() => pushes.length === 1);
  await rig.connect({ onStream, clientId, connIndex: 1 });
  rig.directory.configure(rig.tunnel.id, { version: 2, config });
  await until(() => pushes.length === 2);
  assert.deepEqual(
    pushes.map(({ version }) => version),
    [1, 2],
  );
});

function reply(stream: EdgeStream['stream'], body: string | Buffer): void {
  stream.respond();
  stream.end(body);
}

const failures: readonly { readonly name: string; readonly fail: (incoming: EdgeStream) => void }[] = [
  { name: 'resets the stream', fail: ({ stream }) => stream.destroy(new Error('no')) },
  { name: 'answers nonsense', fail: ({ stream }) => reply(stream, 'nonsense') },
  { name: 'answers without a version', fail: ({ stream }) => reply(stream, '{}') },
  { name: 'answers without end', fail: ({ stream }) => reply(stream, Buffer.alloc(1_000_000, 0x20)) },
];

for (const { name, fail } of failures) {
  test(`a push is tried again when the connector ${name}`, async (t) => {
    const rig = await startRig(t);
    const { pushes, onStream } = recorder();
    let failed = false;
    await rig.connect({
      onStream: (incoming) => {
        if (failed) {
          void onStream(incoming);
          return;
        }
        failed = true;
        fail(incoming);
      },
    });
    rig.directory.configure(rig.tunnel.id, { version: 1, config });
    await until(() => pushes.length === 1);
    assert.ok(failed);
  });
}

test('a connection lost during a push is replaced by another of the same connector', async (t) => {
  const rig = await startRig(t);
  const { pushes, onStream } = recorder();
  let lost = false;
  const { clientId } = await rig.connect({
    onStream: ({ stream }) => {
      lost = true;
      stream.session?.destroy();
    },
  });
  await rig.connect({ onStream, clientId, connIndex: 1 });
  rig.directory.configure(rig.tunnel.id, { version: 1, config });
  await until(() => pushes.length === 1);
  assert.ok(lost);
});

test('a connector that has just come takes no requests before it has the rules', async (t) => {
  const rig = await startRig(t);
  const told = Promise.withResolvers<void>();
  const busy: EdgeStream[] = [];
  let isHolding = true;
  const answer = ({ stream }: EdgeStream, name: string) => {
    respond(stream, 200, ['x-name', name]);
    stream.end();
  };
  const push = ({ stream }: EdgeStream) => {
    stream.resume();
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify({ lastAppliedVersion: 1, err: null }));
  };
  await rig.connect({
    onStream: (incoming) => {
      if (incoming.kind === 'update-configuration') push(incoming);
      else if (isHolding) busy.push(incoming);
      else answer(incoming, 'old');
    },
  });
  rig.directory.configure(rig.tunnel.id, { version: 1, config });
  await rig.connect({
    onStream: async (incoming) => {
      if (incoming.kind !== 'update-configuration') return answer(incoming, 'new');
      await told.promise;
      push(incoming);
    },
  });
  const names = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => rig.fetch()));
    return answers.map(({ headers }) => headers['x-name']);
  };
  // However busy the other one is, all eight wait there.
  const first = names(8);
  await until(() => busy.length === 8);
  isHolding = false;
  for (const incoming of busy) answer(incoming, 'old');
  assert.deepEqual(new Set(await first), new Set(['old']));
  // Told, it takes its share.
  told.resolve();
  for (let share = await names(4); !share.includes('new'); share = await names(4));
});
