// Traefik's labels as its documentation and most compose files write them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { traefik } from '../../../src/sources/dialects/traefik.ts';
import { readingOf, testDialect } from './reading.ts';

const router = (rule: string, name = 'app') => ({ [`traefik.http.routers.${name}.rule`]: rule });

testDialect(traefik, [
  {
    about: 'with one host and a port',
    labels: {
      'traefik.enable': 'true',
      ...router('Host(`app.example.com`)'),
      'traefik.http.services.app.loadbalancer.server.port': '3000',
    },
    entries: [{ hostname: 'app.example.com', port: 3000 }],
  },
  {
    about: 'with everything the usual guide writes: entry point, TLS and a certificate resolver',
    labels: {
      'traefik.enable': 'true',
      ...router('Host(`whoami.example.com`)', 'whoami'),
      'traefik.http.routers.whoami.entrypoints': 'websecure',
      'traefik.http.routers.whoami.tls': 'true',
      'traefik.http.routers.whoami.tls.certresolver': 'letsencrypt',
      'traefik.http.routers.whoami.service': 'whoami',
      'traefik.http.services.whoami.loadbalancer.server.port': '80',
    },
    entries: [{ hostname: 'whoami.example.com', port: 80 }],
  },
  {
    about: 'with two hosts as version 3 writes them',
    labels: router('Host(`example.com`) || Host(`www.example.com`)'),
    entries: [{ hostname: 'example.com' }, { hostname: 'www.example.com' }],
  },
  {
    about: 'with two hosts as version 2 writes them',
    labels: router('Host(`example.com`, "www.example.com")'),
    entries: [{ hostname: 'example.com' }, { hostname: 'www.example.com' }],
  },
  {
    about: 'with a path prefix and another path in parentheses',
    labels: router('Host(`example.com`) && (PathPrefix(`/api`) || Path(`/health.json`))'),
    entries: [
      { hostname: 'example.com', path: '^/api' },
      { hostname: 'example.com', path: '^/health\\.json$' },
    ],
  },
  {
    about: 'with an expression for the path',
    labels: router('Host(`example.com`) && PathRegexp(`^/(v1|v2)/`)'),
    entries: [{ hostname: 'example.com', path: '^/(v1|v2)/' }],
  },
  {
    about: "with version 2's placeholders in the path",
    labels: router('Host(`example.com`) && PathPrefix(`/u/{id:[0-9]{4}}/{name}`)'),
    entries: [{ hostname: 'example.com', path: '^/u/(?:[0-9]{4})/(?:[^/]+)' }],
  },
  {
    about: 'with a whole subdomain as version 2 writes it',
    labels: router('HostRegexp(`{subdomain:[a-z0-9-]+}.example.com`)'),
    entries: [{ hostname: '*.example.com' }],
  },
  {
    about: 'with alternatives as version 3 writes them',
    labels: router('HostRegexp(`^(www|app)\\.example\\.com$`)'),
    entries: [{ hostname: 'www.example.com' }, { hostname: 'app.example.com' }],
  },
  {
    about: 'with an expression that is no list of names',
    labels: router('HostRegexp(`^[a-c]\\d+\\.example\\.com$`)'),
    notes: ['traefik.http.routers.app.rule'],
    says: /HostRegexp cannot be put into hostnames; nothing is published/,
  },
  {
    about: 'whose rule is partly about a method',
    labels: router('Host(`a.example.com`) || (Host(`b.example.com`) && Method(`GET`))'),
    entries: [{ hostname: 'a.example.com' }],
    notes: ['traefik.http.routers.app.rule'],
    says: /Method has no counterpart; that part is left out/,
  },
  {
    about: 'that keeps a path away from visitors',
    labels: router('Host(`a.example.com`) && !PathPrefix(`/admin`)'),
    notes: ['traefik.http.routers.app.rule'],
    says: /"not PathPrefix" has no counterpart; nothing is published/,
  },
  {
    about: 'only for some addresses',
    labels: router('Host(`a.example.com`) && ClientIP(`192.168.0.0/16`)'),
    notes: ['traefik.http.routers.app.rule'],
    says: /ClientIP has no counterpart; nothing is published/,
  },
  {
    about: 'with a path and no host',
    labels: router('PathPrefix(`/app`)'),
    notes: ['traefik.http.routers.app.rule'],
    says: /a part without Host/,
  },
  {
    about: 'whose rule is not closed',
    labels: router('Host(`a.example.com`'),
    notes: ['traefik.http.routers.app.rule'],
    says: /cannot be read: Host is not closed; nothing is published/,
  },
  {
    about: 'with basic authentication of its own',
    labels: {
      ...router('Host(`a.example.com`)'),
      'traefik.http.routers.app.middlewares': 'auth@docker,gzip',
      'traefik.http.middlewares.auth.basicauth.users': 'admin:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/',
      'traefik.http.middlewares.gzip.compress': 'true',
    },
    entries: [{ hostname: 'a.example.com', guarded: 'Traefik\'s middleware "auth@docker" (basicauth) guards it' }],
    notes: ['traefik.http.routers.app.middlewares'],
    says: /"gzip" \(compress\) has no counterpart; here a policy must guard it/,
  },
  {
    about: 'behind a login that is defined elsewhere',
    labels: { ...router('Host(`a.example.com`)'), 'traefik.http.routers.app.middlewares': 'authelia@file' },
    entries: [{ hostname: 'a.example.com', guarded: 'Traefik\'s middleware "authelia@file" may guard it' }],
    notes: ['traefik.http.routers.app.middlewares'],
  },
  {
    about: 'behind a chain with a forward authentication in it',
    labels: {
      ...router('Host(`a.example.com`)'),
      'traefik.http.routers.app.middlewares': 'all',
      'traefik.http.middlewares.all.chain.middlewares': 'headers,sso,all',
      'traefik.http.middlewares.headers.headers.stsSeconds': '1',
      'traefik.http.middlewares.sso.forwardauth.address': 'http://authentik:9000/',
    },
    entries: [{ hostname: 'a.example.com', guarded: 'Traefik\'s middleware "sso" (forwardauth) guards it' }],
    notes: ['traefik.http.routers.app.middlewares'],
  },
  {
    about: 'with the usual pair of routers for the redirect to HTTPS',
    labels: {
      ...router('Host(`a.example.com`)', 'web'),
      'traefik.http.routers.web.entrypoints': 'web',
      'traefik.http.routers.web.middlewares': 'redirect-to-https@file',
      ...router('Host(`a.example.com`)', 'websecure'),
      'traefik.http.routers.websecure.entrypoints': 'websecure',
      'traefik.http.services.a.loadbalancer.server.port': '8080',
    },
    entries: [{ hostname: 'a.example.com', port: 8080 }],
    notes: ['traefik.http.routers.web.middlewares'],
  },
  {
    about: 'whose second router is guarded',
    labels: {
      ...router('Host(`a.example.com`)', 'web'),
      ...router('Host(`A.example.com`)', 'websecure'),
      'traefik.http.routers.websecure.middlewares': 'sso@file',
    },
    entries: [{ hostname: 'a.example.com', guarded: 'Traefik\'s middleware "sso@file" may guard it' }],
    notes: ['traefik.http.routers.websecure.middlewares'],
  },
  {
    about: 'on an entry point of another name',
    labels: { ...router('Host(`a.example.com`)'), 'traefik.http.routers.app.entrypoints': 'internal' },
    entries: [
      { hostname: 'a.example.com', guarded: 'Traefik\'s entry point "internal" may be for the local network only' },
    ],
    notes: ['traefik.http.routers.app.entrypoints'],
  },
  {
    about: 'with a prefix that is taken off',
    labels: {
      ...router('Host(`a.example.com`) && PathPrefix(`/app`)'),
      'traefik.http.routers.app.middlewares': 'strip',
      'traefik.http.middlewares.strip.stripprefix.prefixes': '/app',
    },
    entries: [{ hostname: 'a.example.com', path: '^/app' }],
    notes: ['traefik.http.routers.app.middlewares'],
    says: /"strip" \(stripprefix\) changes paths, which stay as they are here/,
  },
  {
    about: 'with two routers to two services and a network',
    labels: {
      'traefik.docker.network': 'proxy',
      ...router('Host(`s3.example.com`)', 's3'),
      'traefik.http.routers.s3.service': 's3',
      'traefik.http.services.s3.loadbalancer.server.port': '9000',
      ...router('Host(`console.example.com`)', 'console'),
      'traefik.http.routers.console.service': 'console',
      'traefik.http.services.console.loadbalancer.server.port': '9001',
      'traefik.http.services.console.loadbalancer.server.scheme': 'https',
    },
    entries: [
      { hostname: 's3.example.com', port: 9000, network: 'proxy' },
      { hostname: 'console.example.com', port: 9001, protocol: 'https', network: 'proxy' },
    ],
  },
  {
    about: "that shows Traefik's own dashboard",
    labels: { ...router('Host(`traefik.example.com`)'), 'traefik.http.routers.app.service': 'api@internal' },
    notes: ['traefik.http.routers.app.service'],
    says: /leads to the service "api@internal", which is not this container's; nothing is published/,
  },
  {
    about: 'with a database behind a TCP router',
    labels: {
      'traefik.tcp.routers.db.rule': 'HostSNI(`db.example.com`)',
      'traefik.tcp.routers.db.entrypoints': 'websecure',
      'traefik.tcp.routers.db.tls': 'true',
      'traefik.tcp.services.db.loadbalancer.server.port': '5432',
    },
    entries: [{ hostname: 'db.example.com', port: 5432, protocol: 'tcp' }],
  },
  {
    about: 'with a TCP router for every name',
    labels: {
      'traefik.tcp.routers.db.rule': 'HostSNI(`*`)',
      'traefik.tcp.services.db.loadbalancer.server.port': '5432',
    },
    notes: ['traefik.tcp.routers.db.rule'],
    says: /HostSNI cannot be put into hostnames/,
  },
  {
    about: 'that passes TLS through',
    labels: {
      'traefik.tcp.routers.nc.rule': 'HostSNI(`nc.example.com`)',
      'traefik.tcp.routers.nc.tls.passthrough': 'true',
      'traefik.tcp.services.nc.loadbalancer.server.port': '443',
    },
    entries: [{ hostname: 'nc.example.com', port: 443, protocol: 'https' }],
    notes: ['traefik.tcp.routers.nc.tls.passthrough'],
  },
  {
    about: 'that is enabled without a rule',
    labels: { 'traefik.enable': 'true', 'traefik.http.services.app.loadbalancer.server.port': '8000' },
    entries: [{ port: 8000 }],
  },
  {
    about: 'with two routers of one name to two services, of which the first one counts',
    labels: {
      ...router('Host(`a.example.com`)', 'a'),
      'traefik.http.routers.a.service': 'a',
      'traefik.http.services.a.loadbalancer.server.port': '80',
      ...router('Host(`a.example.com`)', 'b'),
      'traefik.http.routers.b.service': 'b',
      'traefik.http.services.b.loadbalancer.server.port': '81',
    },
    entries: [{ hostname: 'a.example.com', port: 80 }],
  },
  {
    about: 'with the labels of version 1',
    labels: { 'traefik.enable': 'true', 'traefik.frontend.rule': 'Host:a.example.com', 'traefik.port': '80' },
    notes: ['traefik.frontend.rule', 'traefik.port'],
    says: /Traefik 1's labels are not read/,
  },
  {
    about: 'of a Swarm, with its network',
    labels: { 'traefik.swarm.network': 'proxy', 'traefik.swarm.lbswarm': 'true', ...router('Host(`a.example.com`)') },
    entries: [{ hostname: 'a.example.com', network: 'proxy' }],
  },
  {
    about: 'that Traefik leaves alone',
    labels: { 'traefik.enable': 'false', ...router('Host(`a.example.com`)') },
    off: 'traefik.enable',
  },
  {
    about: 'whose switch is mistyped',
    labels: { 'traefik.enable': 'ture', ...router('Host(`a.example.com`)') },
    off: 'traefik.enable',
    notes: ['traefik.enable'],
    says: /"ture" does not switch it on/,
  },
  {
    about: "with another provider's transport, sticky sessions and the host header changed",
    labels: {
      'Traefik.Enable': 'true',
      ...router('Host(`a.example.com`)'),
      'traefik.http.services.app.loadBalancer.server.Port': '80',
      'traefik.http.services.app.loadbalancer.passhostheader': 'false',
      'traefik.http.services.app.loadbalancer.serverstransport': 'insecure@file',
      'traefik.http.services.app.loadbalancer.sticky.cookie': 'true',
      'traefik.udp.routers.dns.entrypoints': 'dns',
    },
    entries: [{ hostname: 'a.example.com', port: 80 }],
    notes: [
      'traefik.http.services.app.loadbalancer.passhostheader',
      'traefik.http.services.app.loadbalancer.serverstransport',
      'traefik.http.services.app.loadbalancer.sticky.cookie',
      'traefik.udp.routers.dns.entrypoints',
    ],
  },
  {
    about: 'with no name but a wrong one',
    labels: router('Host(`not a name`)'),
    notes: ['traefik.http.routers.app.rule'],
    says: /must be a hostname .*; nothing is published through it/,
  },
]);

describe('what a rule may cost', () => {
  const why = (rule: string) =>
    readingOf(traefik, router(rule))
      .notes.map((note) => note.why)
      .join();
  const times = (count: number, text: string, join: string) => Array.from({ length: count }, () => text).join(join);

  test('a rule that multiplies out is left alone', () => {
    assert.match(why(times(12, '(Host(`a.example.com`) || Host(`b.example.com`))', ' && ')), /too many alternatives/);
  });

  test('a rule of many hosts is left alone', () => {
    const hosts = Array.from({ length: 60 }, (_, at) => `Host(\`h${at}.example.com\`)`);
    assert.match(why(hosts.join(' || ')), /names too many hosts/);
  });

  test('a rule that is nested for its own sake is left alone', () => {
    assert.match(why(`${'('.repeat(900)}Host(\`a.example.com\`)`), /nested too deeply/);
    assert.match(why(`${'!'.repeat(900)}Host(\`a.example.com\`)`), /nested too deeply/);
    assert.match(why('('.repeat(4000)), /too long/);
  });
});
