// A web server on a program that is made up, with a data directory of its own: what the tests of the routes ask.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createChoiceStore } from '../../src/choices.ts';
import { systemClock } from '../../src/clock.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressEntry, Service, Snapshot } from '../../src/model.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { applyChoices } from '../../src/sources/chosen.ts';
import { heldStatuses, type Status, serviceStatuses } from '../../src/status.ts';
import { createActivityLog } from '../../src/web/activity.ts';
import { createEventHub } from '../../src/web/event-hub.ts';
import { createLogin } from '../../src/web/login/login.ts';
import type { WebProgram } from '../../src/web/program.ts';
import { createWeb, type WebOptions } from '../../src/web/server.ts';
import { createSettingsStore } from '../../src/web/settings-file.ts';

/** Every secret the made-up program has. */
export const secrets = {
  token: 'let-me-in',
  apiToken: 'cf-token-0123456789abcdef',
  origin: 'hunter2hunter2',
} as const;

const evil: Service = {
  id: 'docker/evil',
  name: '<script>alert(1)</script>',
  source: 'docker',
  image: 'evil/image',
  address: '10.0.0.1',
  ports: [{ number: 8080, protocol: 'tcp', target: 80 }],
  hints: { enable: true, service: `http://admin:${secrets.origin}@10.0.0.1:80` },
  state: 'running',
};
const closed: Service = { ...evil, id: 'docker/closed', name: 'closed', hints: { enable: false } };
const idle: Service = { ...evil, id: 'docker/idle', name: 'idle', hints: {} };

/** The services that are found. */
export const services: readonly Service[] = [evil, closed, idle];

function entry(service: Service): IngressEntry {
  return {
    serviceId: service.id,
    plugin: 'generic',
    rule: {
      hostname: `${service.hints.hostname ?? service.id.split('/')[1]}.localhost`,
      service: `http://admin:${secrets.origin}@10.0.0.1:80`,
    },
    access: 'public',
    explicit: false,
  };
}

/** A pass over these services, published where they say so. */
export function snapshotOf(found: readonly Service[], revision = 3): Snapshot {
  const ingress = found.filter((service) => service.hints.enable === true).map(entry);
  return {
    revision,
    finishedAt: new Date(0),
    reasons: ['a container started'],
    complete: true,
    services: found,
    entries: ingress,
    desired: {
      ingress,
      dnsRecords: [],
      accessApplications: [
        { name: 'evil', domain: 'evil.localhost', policies: ['family'], owner: { id: 'o', resource: 'docker/evil' } },
      ],
    },
    plans: [
      {
        target: 'ingress',
        changes: ingress.map((desired) => ({ action: 'create', serviceId: desired.serviceId, desired })),
        held: [],
      },
    ],
    diagnostics: [
      {
        severity: 'warning',
        code: 'E_LABEL_INVALID',
        message: '"><img src=x>',
        hint: 'mend it',
        serviceId: 'docker/evil',
      },
    ],
    failed: [],
    isUndone: false,
  };
}

/** What a test may change. */
export type Over = Partial<Omit<WebOptions, 'program'>> & {
  readonly program?: Partial<WebProgram>;
  readonly status?: Partial<Status>;
  /** Of `sallyport.yml`. */
  readonly settings?: string;
  readonly passwordHash?: string;
};

/** The server and what it works on. */
export interface Fixture {
  readonly app: FastifyInstance;
  readonly options: WebOptions;
  readonly dataDir: string;
  readonly passes: readonly string[];
}

/** Builds it; listens to nothing. */
export function createFixture(over: Over = {}): Fixture {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-web-'));
  const file = join(dataDir, 'sallyport.yml');
  writeFileSync(file, over.settings ?? `# mine\ncloudflare: { api_token: ${secrets.apiToken} }\nmode: sync # why\n`);
  const inputs = { file, env: { SALLYPORT_DATA_DIR: dataDir }, cwd: dataDir };
  const loaded = loadSettings(inputs);
  const passes: string[] = [];
  const choices = createChoiceStore(dataDir);
  let snapshot = snapshotOf(services);
  const status = (): Status => ({
    version: '1',
    edge: 'embedded',
    connector: {
      name: 'native',
      connections: [{ index: 0, state: 'connected', since: new Date(0), location: 'here' }],
    },
    ready: true,
    revision: snapshot.revision,
    finishedAt: snapshot.finishedAt,
    complete: true,
    lastError: undefined,
    services: serviceStatuses(snapshot),
    held: heldStatuses(snapshot.plans),
    suggestions: [],
    diagnostics: [],
    ...over.status,
  });
  const program: WebProgram = {
    status,
    snapshot: () => snapshot,
    settings: () => loaded.settings,
    app: () => undefined,
    choices,
    drifts: () => [],
    foresee: async (imagined) => snapshotOf(applyChoices(services, imagined.services)),
    pass: async (reason) => {
      passes.push(reason);
      snapshot = snapshotOf(applyChoices(services, choices.read().services), snapshot.revision + 1);
    },
    examine: async () => [{ step: 'origin', outcome: 'ok', message: 'answers' }],
    checkToken: async () => ({ checks: [{ permission: 'p', neededFor: 'n', ok: true }], zones: ['example.com'] }),
    traffic: () => undefined,
    settingsStore: createSettingsStore(inputs, file, dataDir),
    ...over.program,
  };
  const hub = over.hub ?? createEventHub('ab');
  const logger = createSilentLogger();
  const options: WebOptions = {
    publicAddress: { scheme: 'http', port: 8080 },
    metrics: async () => 'x 1\n',
    token: secrets.token,
    login: createLogin({ token: secrets.token, passwordHash: over.passwordHash, clock: systemClock }),
    ownNames: ['nas'],
    ingressProxy: undefined,
    activity: createActivityLog({ dataDir, now: systemClock.now, logger }),
    hub,
    clock: systemClock,
    ...over,
    program,
  };
  return { app: createWeb(options), options, dataDir, passes };
}
