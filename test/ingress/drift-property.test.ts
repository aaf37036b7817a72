// Whatever hands, containers, restarts and failures do to the rules of a shared tunnel, in any order: what is never true.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createChoiceStore, type DriftChoice } from '../../src/choices.ts';
import type { RemoteRule, TunnelConfiguration } from '../../src/cloudflare/configurations.ts';
import { ApiError } from '../../src/errors.ts';
import { closedService } from '../../src/ingress/closing.ts';
import { createRuleMemory } from '../../src/ingress/drift-memory.ts';
import { withoutDecisions } from '../../src/ingress/drift-settle.ts';
import { createRemoteIngress } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { AccessSpec, DesiredState, IngressEntry } from '../../src/model.ts';

const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
const guards: Readonly<Record<Name, AccessSpec | 'public'>> = { a: 'public', b: { policy: 'family' }, c: 'public' };
const elsewhere = 'http://nas.lan:5000';
const foreign: readonly RemoteRule[] = Array.from({ length: 40 }, (_, at) => ({
  hostname: `f${at}.other.org`,
  service: `http://foreign:${at + 1}`,
  ...(at % 2 === 0 ? { originRequest: { someday: at } } : { note: [at] }),
}));
const end: RemoteRule = { service: 'http_status:418' };

/** One thing that happens; `to` and `at` pick among what there is. */
interface Step {
  readonly kind:
    | 'pass'
    | 'glance'
    | 'move'
    | 'stop'
    | 'start'
    | 'remove'
    | 'edit'
    | 'option'
    | 'delete'
    | 'add'
    | 'shadow'
    | 'decide'
    | 'restart'
    | 'forget'
    | 'fail'
    | 'lose';
  readonly name: Name;
  readonly to: number;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.oneof(
      { weight: 8, arbitrary: fc.constant('pass' as const) },
      fc.constantFrom(
        'glance',
        'move',
        'stop',
        'start',
        'remove',
        'edit',
        'option',
        'delete',
        'add',
        'shadow',
        'decide',
      ),
      fc.constantFrom('decide', 'restart', 'forget', 'fail', 'lose'),
    ),
    name: fc.constantFrom(...names),
    to: fc.nat(5),
  }),
  { minLength: 4, maxLength: 24 },
);

const { signal } = new AbortController();
const logger = createSilentLogger();
let worlds = 0;

/** A world whose API is a variable: hundreds of them are made. */
function createWorld(dataDir: string) {
  const tunnelId = `00000000-0000-4000-8000-${String(worlds++).padStart(12, '0')}`;
  let stored: TunnelConfiguration = { ingress: [...foreign, end], 'warp-routing': { x: 1 } };
  let fault: 'fail' | 'lose' | undefined;
  const configurations = {
    get: async () => ({ source: 'cloudflare', config: structuredClone(stored) }),
    put: async (_target: unknown, config: TunnelConfiguration) => {
      const now = fault;
      fault = undefined;
      if (now !== 'fail') stored = structuredClone(config);
      if (now !== undefined) throw new ApiError({ code: 'E_API_UNREACHABLE', message: 'down', retryable: true });
      return { config: structuredClone(stored) };
    },
  };
  const choices = createChoiceStore(dataDir);
  /** The address of every running container, by its last number; undefined for a stopped one. */
  const hosts = new Map<Name, number | undefined>();
  /** Whose address was meant by what was typed, until the memory that could tell is lost. */
  let meant: Map<string, Name | undefined> | undefined = new Map();
  const start = () =>
    createRemoteIngress({
      api: { configurations },
      account: 'x',
      tunnelId,
      ownedHostnames: async () => new Set(names.map((name) => `${name}.example.com`)),
      memory: createRuleMemory({ dataDir, tunnelId, logger }),
      choices: choices.read,
      onDecided: (done) => void choices.update((now) => withoutDecisions(now, done)),
    });
  let ingress = start();

  function entry(name: Name, host: number | undefined): IngressEntry {
    const service = host === undefined ? closedService : `http://10.0.0.${host}:80`;
    const rule = { hostname: `${name}.example.com`, service };
    return { serviceId: `docker/${name}`, plugin: 'generic', rule, access: guards[name], explicit: false };
  }

  const desired = (): DesiredState => ({
    ingress: names.flatMap((name) => (hosts.has(name) ? [entry(name, hosts.get(name))] : [])),
    dnsRecords: [],
    accessApplications: [],
  });

  function byHand(change: (rules: readonly RemoteRule[]) => readonly RemoteRule[]): void {
    stored = { ...stored, ingress: change(stored.ingress ?? []) };
  }

  const onOwn = (name: Name, change: (rule: RemoteRule) => readonly RemoteRule[]) =>
    byHand((rules) => rules.flatMap((rule) => (rule.hostname === `${name}.example.com` ? change(rule) : [rule])));

  /** What a person may type: another machine, another container's address of the moment, its own with another port, anything. */
  function typed(name: Name, to: number): string {
    const others = [...hosts.values()].filter((host) => host !== undefined);
    const own = hosts.get(name);
    const lasting = [elsewhere, 'bastion', ...others.map((host) => `http://10.0.0.${host}:80`)];
    return (
      (own === undefined ? lasting : [...lasting, `http://10.0.0.${own}:8080`]).at(to % (lasting.length + 1)) ??
      elsewhere
    );
  }

  async function pass(): Promise<void> {
    const wanted = desired();
    try {
      await ingress.withdraw(wanted, signal);
      const plan = await ingress.plan(wanted, signal);
      await ingress.closeStale(wanted, signal);
      check('after closing');
      await ingress.apply(plan, 'upsert', signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return;
    }
    check('after a pass');
  }

  /** What must hold whenever closing is over. */
  function check(when: string): void {
    const rules = stored.ingress ?? [];
    const kept = rules.filter((rule) => !/(^|\.)example\.com$/.test(rule.hostname ?? ''));
    assert.equal(JSON.stringify([kept, stored['warp-routing']]), JSON.stringify([[...foreign, end], { x: 1 }]), when);
    for (const { hostname = '', service } of rules) {
      const name = hostname[0] as Name;
      const host = /^http:\/\/10\.0\.0\.(\d+):/.exec(service)?.[1];
      if (!/^[abc]\.example\.com$/.test(hostname)) continue;
      // Whoever has a policy's login may reach what is behind that policy.
      const isGuardedElsewhere = names.some((one) => hosts.has(one) && guards[one] !== 'public' && one !== name);
      assert.ok(service !== 'bastion' || !isGuardedElsewhere, `${when}: ${hostname} opens everything`);
      if (host === undefined) continue;
      const owner = names.find((one) => hosts.get(one) === Number(host));
      assert.ok(owner !== undefined, `${when}: ${hostname} leads to a free address ${service}`);
      if (owner !== name && meant !== undefined)
        assert.equal(
          meant.get(`${hostname} ${service}`),
          owner,
          `${when}: ${hostname} leads to ${owner}, as nobody meant`,
        );
      // Other ports of a guarded container are not what its policy is about.
      if (!service.endsWith(':80') || guards[owner] === 'public') continue;
      assert.deepEqual(guards[name], guards[owner], `${when}: ${hostname} opens ${owner} without its lock`);
    }
  }

  /** As Docker does it: the first address that is free, perhaps another's a moment ago. */
  function take(name: Name): void {
    const used = [...hosts.values()];
    hosts.set(
      name,
      [1, 2, 3, 4].find((host) => !used.includes(host)),
    );
  }

  /** The same, remembering whose address it is now. */
  function means(name: Name, to: number): string {
    const service = typed(name, to);
    const owner = names.find((one) => service.startsWith(`http://10.0.0.${hosts.get(one)}:`));
    meant?.set(`${name}.example.com ${service}`, owner);
    return service;
  }

  const acts: Readonly<Record<Step['kind'], (step: Step) => void | Promise<void>>> = {
    pass,
    glance: () => ingress.withdraw(desired(), signal).catch(ignoreApi),
    move: ({ name }) => (hosts.get(name) === undefined ? undefined : take(name)),
    stop: ({ name }) => void (hosts.has(name) && hosts.set(name, undefined)),
    start: ({ name }) => (hosts.get(name) === undefined ? take(name) : undefined),
    remove: ({ name }) => void hosts.delete(name),
    edit: ({ name, to }) => onOwn(name, (rule) => [{ ...rule, service: means(name, to) }]),
    option: ({ name, to }) => onOwn(name, (rule) => [{ ...rule, originRequest: { noTLSVerify: to % 2 === 0, x: to } }]),
    delete: ({ name }) => onOwn(name, () => []),
    add: ({ name, to }) =>
      byHand((rules) => [{ hostname: `${name}.example.com`, path: `^/${to}`, service: means(name, to) }, ...rules]),
    shadow: () =>
      byHand((rules) => [
        { hostname: '*.example.com', service: elsewhere },
        ...rules.filter((rule) => rule.hostname !== '*.example.com'),
      ]),
    decide: ({ name, to }) => {
      const choice = (['mine', 'theirs', 'ignore'] satisfies DriftChoice[])[to % 3] ?? 'mine';
      choices.update((now) => ({ ...now, drift: { ...now.drift, [`${name}.example.com`]: choice } }));
    },
    restart: () => {
      ingress = start();
    },
    forget: () => {
      rmSync(join(dataDir, 'rules-written.json'), { force: true });
      meant = undefined;
      ingress = start();
    },
    fail: () => {
      fault = 'fail';
    },
    lose: () => {
      fault = 'lose';
    },
  };

  return {
    act: (step: Step) => acts[step.kind](step),
    /** Everything asked back: our rules, and nothing else of ours. */
    async settle() {
      for (const name of names) if (hosts.get(name) === undefined) take(name);
      byHand((rules) => rules.filter((rule) => rule.hostname !== '*.example.com'));
      const all = Object.fromEntries(names.map((name) => [`${name}.example.com`, 'mine' as const]));
      for (let round = 0; round < 3; round++) {
        fault = undefined;
        choices.update((now) => ({ ...now, drift: all }));
        await pass();
      }
      const ours = (stored.ingress ?? []).filter((rule) => /example\.com$/.test(rule.hostname ?? ''));
      assert.deepEqual(
        ours.map(({ hostname, path, service }) => `${hostname}${path ?? ''} ${service}`).toSorted(),
        desired().ingress.map(({ rule }) => `${rule.hostname} ${rule.service}`),
      );
      assert.deepEqual(choices.read().drift, {});
      const plan = await ingress.plan(desired(), signal);
      assert.deepEqual([plan.changes, plan.held], [[], []]);
    },
  };
}

function ignoreApi(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}

test('foreign rules stay byte for byte, no free address and no guarded service is ever open, and all can be asked back', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-hands-'));
      try {
        const world = createWorld(dataDir);
        for (const name of names) await world.act({ kind: 'start', name, to: 0 });
        await world.act({ kind: 'pass', name: 'a', to: 0 });
        for (const step of list) await world.act(step);
        await world.act({ kind: 'pass', name: 'a', to: 0 });
        await world.settle();
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    }),
    { numRuns: Number(process.env.TEST_RUNS ?? 60) },
  );
});
