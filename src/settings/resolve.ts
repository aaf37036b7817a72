// From the checked file to the settings the program reads: defaults that depend on other keys, durations, addresses, secrets.

import { join, resolve as resolvePath } from 'node:path';
import { ValidationError } from '../errors.ts';
import type { ListenAddress } from '../model.ts';
import { resolveCloudflare } from './cloudflare.ts';
import { durationMs } from './duration.ts';
import type { EmbeddedEdgeFile, EndpointFile, Settings, SettingsFile } from './settings.ts';

/** What resolving needs from outside. */
export interface ResolveInputs {
  readonly readSecret: (file: string) => string;
  readonly where: string;
  readonly defaultDataDir: string;
  readonly cwd: string;
}

/** The resolved settings; throws ValidationError where keys contradict each other. */
export function resolveSettings(file: SettingsFile, inputs: ResolveInputs): Settings {
  const dataDir = resolvePath(inputs.cwd, file.data_dir ?? inputs.defaultDataDir);
  const embeddedEdge = resolveEmbeddedEdge(file, dataDir, inputs.where);
  const loopbackOnly =
    file.edge === 'embedded' && isLoopback(embeddedEdge.http.host) && isLoopback(embeddedEdge.https.host);
  const accessDefault = file.access?.default ?? (loopbackOnly ? 'public' : 'none');
  const policies = file.access?.policies ?? {};
  checkAccessDefault(accessDefault, policies, inputs.where);
  checkZoneDefault(file.access?.zone_default, policies, inputs.where);
  return {
    domain: file.domain,
    edge: file.edge,
    connector: file.connector,
    mode: file.mode,
    graceMs: durationMs(file.grace, `${inputs.where} /grace`),
    owner: file.owner,
    dataDir,
    cloudflare: resolveCloudflare(file, inputs),
    dockerEndpoints: resolveEndpoints(file.docker?.endpoints, inputs.cwd),
    expose: file.expose,
    services: file.services ?? [],
    accessDefault: accessDefault === 'none' ? undefined : accessDefault,
    accessZoneDefault: file.access?.zone_default,
    policies,
    labels: {
      prefix: file.labels?.prefix ?? 'sallyport',
      dialects: file.labels?.dialects ?? [],
      allow: {
        public: file.labels?.allow?.public ?? false,
        people: file.labels?.allow?.people ?? false,
        noTlsVerify: file.labels?.allow?.no_tls_verify ?? false,
        otherOrigins: file.labels?.allow?.other_origins ?? false,
      },
    },
    plugins: {
      dir: file.plugins?.dir === undefined ? undefined : resolvePath(inputs.cwd, file.plugins.dir),
      allowCode: file.plugins?.allow_code ?? false,
    },
    embeddedEdge,
    loopbackOnly,
    webListen: listenAddress(file.web?.listen ?? '127.0.0.1:8099', `${inputs.where} /web/listen`),
    webLogin: resolveWebLogin(file.web ?? {}, inputs),
    log: { level: file.log?.level ?? 'info', format: file.log?.format ?? 'auto' },
  };
}

/** `host:port` as an address; `:port` and `*:port` mean every address; brackets hold IPv6. Throws ValidationError. */
export function listenAddress(text: string, where: string): ListenAddress {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: `"${text.slice(0, 60)}" is not an address`,
      where,
      hint: 'write it like 127.0.0.1:8080',
    });
  }
  return { host: host === '' || host === '*' ? '::' : host, port };
}

/** True for names and addresses that never leave this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function resolveEmbeddedEdge(file: SettingsFile, dataDir: string, where: string): Settings['embeddedEdge'] {
  const edge = file.embedded_edge ?? {};
  const listen = (key: 'http' | 'https' | 'tunnel' | 'api', fallback: string) =>
    listenAddress(edge[key] ?? fallback, `${where} /embedded_edge/${key}`);
  return {
    http: listen('http', '127.0.0.1:8080'),
    https: listen('https', '127.0.0.1:8443'),
    tunnel: listen('tunnel', '127.0.0.1:7844'),
    api: listen('api', '127.0.0.1:8098'),
    certificatesDir: edge.certificates ?? join(dataDir, 'certificates'),
    login: resolveLogin(edge.login ?? {}, `${where} /embedded_edge/login`),
  };
}

function resolveWebLogin(
  { password_hash, password_hash_file, ingress_proxy }: NonNullable<SettingsFile['web']>,
  { readSecret, cwd, where }: ResolveInputs,
): Settings['webLogin'] {
  const fromFile = password_hash_file === undefined ? undefined : readSecret(resolvePath(cwd, password_hash_file));
  const passwordHash = password_hash ?? fromFile;
  // What is no hash would never let anybody in, or be a password in plain text.
  if (passwordHash !== undefined && !/^scrypt:[\d:]+:[A-Za-z0-9_-]{22,64}:[A-Za-z0-9_-]{43}$/.test(passwordHash))
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: 'the file does not hold the hash of a password',
      where: `${where} /web/password_hash_file`,
      hint: 'write what `sallyport edge hash-password` prints into it',
    });
  return { passwordHash, ingressProxy: ingress_proxy };
}

function resolveLogin(
  { users = [], session }: NonNullable<EmbeddedEdgeFile['login']>,
  where: string,
): Settings['embeddedEdge']['login'] {
  const emails = users.map(({ email }) => email.toLowerCase());
  const twice = emails.find((email, at) => emails.indexOf(email) !== at);
  if (twice !== undefined)
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: `two people have the e-mail address "${twice.slice(0, 80)}"`,
      where: `${where}/users`,
      hint: 'keep one of them',
    });
  return {
    users: users.map(({ email, password_hash }) => ({ email, passwordHash: password_hash })),
    sessionMs: session === undefined ? undefined : durationMs(session, `${where}/session`),
  };
}

function resolveEndpoints(
  endpoints: readonly (string | EndpointFile)[] | undefined,
  cwd: string,
): Settings['dockerEndpoints'] {
  return endpoints?.map((endpoint, index) => {
    const { name, tls, ...more } = typeof endpoint === 'string' ? { url: endpoint } : endpoint;
    const files = Object.entries(tls ?? {}).map(([key, file]) => [key, resolvePath(cwd, file)]);
    return {
      ...more,
      name: name ?? (index === 0 ? 'docker' : `docker${index + 1}`),
      ...(tls === undefined ? {} : { tls: Object.fromEntries(files) }),
    };
  });
}

function checkAccessDefault(name: string, policies: Readonly<Record<string, unknown>>, where: string): void {
  if (name === 'none' || name === 'public' || Object.hasOwn(policies, name)) return;
  throw new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: `access.default names a policy that does not exist: "${name}"`,
    where: `${where} /access/default`,
    hint: `add it under access.policies, or use one of ${['none', 'public', ...Object.keys(policies)].join(', ')}`,
  });
}

/** A policy and nothing else: a zone that is `public` is one without this setting. */
function checkZoneDefault(name: string | undefined, policies: Readonly<Record<string, unknown>>, where: string): void {
  if (name === undefined || Object.hasOwn(policies, name)) return;
  const known = Object.keys(policies);
  throw new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: `access.zone_default names a policy that does not exist: "${name.slice(0, 80)}"`,
    where: `${where} /access/zone_default`,
    hint:
      known.length === 0
        ? 'add it under access.policies'
        : `add it under access.policies, or use one of ${known.join(', ')}`,
  });
}
