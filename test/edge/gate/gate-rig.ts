// An edge with its gate on a real store, an origin that remembers what it was sent, and a browser with cookies.
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createGate } from '../../../src/edge/gate/gate.ts';
import type { LoginSettings } from '../../../src/edge/gate/people.ts';
import { hashPassword } from '../../../src/edge/password-hash.ts';
import type { PolicyInput } from '../../../src/edge/store/access/policies.ts';
import { type EdgeStore, openEdgeStore } from '../../../src/edge/store/store.ts';
import { createLogger, createSilentLogger } from '../../../src/logger.ts';
import { type Answer, type FetchOptions, type Rig, startRig } from '../rig.ts';
import { answer, respond } from '../test-connector.ts';

/** A gate that guards `app.test`, and what tests turn. */
export interface GateRig {
  readonly rig: Rig;
  readonly store: EdgeStore;
  /** Changed by tests; asked for every request. */
  login: LoginSettings;
  /** What the gate takes for the time. */
  readonly time: { now: number };
  /** The headers of every request that reached the origin. */
  readonly reached: Reached[];
  /** Makes an application and returns it. */
  guard(
    domain: string,
    policies: readonly Partial<PolicyInput>[],
    more?: Readonly<Record<string, unknown>>,
  ): ReturnType<EdgeStore['access']['apps']['create']>;
  browser(options?: { readonly secure?: boolean }): Browser;
}

/** What a request looked like at the origin. */
export type Reached = Readonly<Record<string, string | undefined>>;

/** Keeps cookies per host and goes where it is sent, as long as that is the edge. */
export interface Browser {
  readonly cookies: Map<string, string>;
  get(path: string, options?: FetchOptions): Promise<Answer>;
  /** Posts a form. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** Follows redirects within the host. */
  follow(path: string): Promise<Answer & { readonly path: string }>;
  /** Logs in with a password at the page the path leads to. */
  login(path: string, email: string, password: string): Promise<Answer>;
}

/** What a browser says when it goes to a page. */
export const asPerson = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-mode': 'navigate' };
/** The password of everybody in the tests. */
export const password = 'correct horse battery staple';

let hash: Promise<string> | undefined;

/** People who log in with `password`. */
export async function people(...emails: readonly string[]): Promise<LoginSettings> {
  hash ??= hashPassword(password);
  const passwordHash = await hash;
  return { users: emails.map((email) => ({ email, passwordHash })), sessionMs: undefined };
}

/** Starts everything; it ends with the test. */
export async function startGateRig(t: TestContext, login?: LoginSettings): Promise<GateRig> {
  const time = { now: Date.now() };
  const clock: Clock = { ...systemClock, now: () => time.now };
  const store = openEdgeStore(':memory:', { clock });
  store.ensureZone('test');
  const logger =
    process.env.TEST_LOG === undefined ? createSilentLogger() : createLogger({ level: 'debug', format: 'json' });
  const held = { login: login ?? { users: [], sessionMs: undefined } };
  const gate = await createGate({ access: store.access, login: () => held.login, logger, clock });
  const rig = await startRig(t, { gate });
  t.after(async () => {
    await gate.stop();
    store.close();
  });
  const reached: Reached[] = [];
  await rig.connect({
    onStream: ({ kind, stream, headers }) => {
      reached.push({ ...headers } as Record<string, string>);
      if (kind === 'websocket') {
        respond(stream, 101, [
          'Upgrade',
          'websocket',
          'Connection',
          'Upgrade',
          'Sec-WebSocket-Accept',
          proofOf(headers),
        ]);
        return;
      }
      answer(stream, 200, ['content-type', 'text/plain'], 'from the origin');
    },
  });
  return Object.assign(held, {
    rig,
    store,
    time,
    reached,
    guard: (
      domain: string,
      policies: readonly Partial<PolicyInput>[],
      more: Readonly<Record<string, unknown>> = {},
    ) => {
      const own = policies.map((one, at) => ({
        own: { name: `policy ${at}`, decision: 'allow' as const, include: [{ everyone: {} }], kept: {}, ...one },
      }));
      return store.access.apps.create({ type: 'self_hosted', domain, policies: own, kept: {}, ...more });
    },
    browser: (options: { readonly secure?: boolean } = {}) => createBrowser(rig, options.secure ?? false),
  });
}

function createBrowser(rig: Rig, secure: boolean): Browser {
  const cookies = new Map<string, string>();

  async function send(path: string, options: FetchOptions): Promise<Answer> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...asPerson, ...(cookie === '' ? {} : { cookie }), ...(options.headers as object) };
    const got = await rig.fetch({ secure, path, ...options, headers });
    for (const line of got.headers['set-cookie'] ?? []) keep(line);
    return got;
  }

  function keep(line: string): void {
    const [pair = ''] = line.split(';');
    const name = pair.slice(0, pair.indexOf('='));
    if (/Max-Age=0(;|$)/.test(line)) cookies.delete(name);
    else cookies.set(name, pair.slice(pair.indexOf('=') + 1));
  }

  const self: Browser = {
    cookies,
    get: (path, options = {}) => send(path, options),
    post: (path, fields, headers = {}) =>
      send(path, {
        method: 'POST',
        body: new URLSearchParams(fields).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      }),
    follow: async (path) => {
      let at = path;
      for (let step = 0; step < 6; step++) {
        const got = await send(at, {});
        const { location } = got.headers;
        if (location?.startsWith('/') !== true) return { ...got, path: at };
        at = location;
      }
      throw new Error(`${path} leads around in circles`);
    },
    login: async (path, email, given) => {
      const page = await self.follow(path);
      const action = attribute(page.text, /<form method="post" action="([^"]+)"/);
      return self.post(action, { email, password: given, token: attribute(page.text, /name="token" value="([^"]+)"/) });
    },
  };
  return self;
}

/** The first group of a pattern in a page. */
export function attribute(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in ${text.slice(0, 2_000)}`);
  return found.replaceAll('&amp;', '&');
}

/** RFC 6455 4.2.2: what shows that a websocket was meant. */
function proofOf(headers: IncomingHttpHeaders): string {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return createHash('sha1').update(key).digest('base64');
}
