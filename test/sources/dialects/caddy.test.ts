// caddy-docker-proxy's labels: sites, templates, matchers and what may stand beside them.
import { caddy } from '../../../src/sources/dialects/caddy.ts';
import { testDialect } from './reading.ts';

const site = { caddy: 'app.example.com' };
const proxied = { ...site, 'caddy.reverse_proxy': '{{upstreams 8080}}' };
const entry = { hostname: 'app.example.com', port: 8080 };

testDialect(caddy, [
  { about: 'with the two labels of the first example', labels: proxied, entries: [entry] },
  {
    about: 'without a port',
    labels: { ...site, 'caddy.reverse_proxy': '{{upstreams}}' },
    entries: [{ hostname: 'app.example.com' }],
  },
  {
    about: 'that speaks HTTPS itself',
    labels: { ...site, 'caddy.reverse_proxy': '{{ upstreams https 8443 }}' },
    entries: [{ hostname: 'app.example.com', protocol: 'https', port: 8443 }],
  },
  {
    about: 'that speaks HTTPS with a certificate of its own',
    labels: {
      ...site,
      'caddy.reverse_proxy': '{{upstreams 8443}}',
      'caddy.reverse_proxy.transport': 'http',
      'caddy.reverse_proxy.transport.tls': '',
      'caddy.reverse_proxy.transport.tls_insecure_skip_verify': '',
      'caddy.reverse_proxy.header_up': 'Host {upstream_hostport}',
    },
    entries: [{ hostname: 'app.example.com', protocol: 'https', port: 8443, originRequest: { noTLSVerify: true } }],
    notes: ['caddy.reverse_proxy.header_up'],
  },
  {
    about: 'with several names, schemes and ports',
    labels: {
      caddy: 'a.example.com, https://b.example.com:443 http://c.example.com',
      'caddy.reverse_proxy': '{{upstreams 80}}',
    },
    entries: [
      { hostname: 'a.example.com', port: 80 },
      { hostname: 'b.example.com', port: 80 },
      { hostname: 'c.example.com', port: 80 },
    ],
  },
  {
    about: 'with two numbered sites',
    labels: {
      caddy_0: 's3.example.com',
      'caddy_0.reverse_proxy': '{{upstreams 9000}}',
      caddy_1: 'console.example.com',
      'caddy_1.reverse_proxy': '{{upstreams 9001}}',
      caddy_ingress_network: 'caddy',
    },
    entries: [
      { hostname: 's3.example.com', port: 9000, network: 'caddy' },
      { hostname: 'console.example.com', port: 9001, network: 'caddy' },
    ],
  },
  {
    about: 'with paths in the proxy, ordered',
    labels: {
      ...site,
      'caddy.1_reverse_proxy': '/api/* {{upstreams 3000}}',
      'caddy.2_reverse_proxy': '/health {{upstreams 3000}}',
      'caddy.3_reverse_proxy': '{{upstreams 80}}',
    },
    entries: [
      { hostname: 'app.example.com', path: '^/api/', port: 3000 },
      { hostname: 'app.example.com', path: '^/health$', port: 3000 },
      { hostname: 'app.example.com', port: 80 },
    ],
  },
  {
    about: 'with a handle and a handle_path',
    labels: {
      ...site,
      'caddy.handle': '/app*',
      'caddy.handle.reverse_proxy': '{{upstreams 80}}',
      'caddy.handle_path': '/files/*',
      'caddy.handle_path.0_reverse_proxy': '{{upstreams 81}}',
    },
    entries: [
      { hostname: 'app.example.com', path: '^/app', port: 80 },
      { hostname: 'app.example.com', path: '^/files/', port: 81 },
    ],
    notes: ['caddy.handle_path'],
    says: /without its beginning taken off/,
  },
  {
    about: 'with a named matcher of paths',
    labels: {
      ...site,
      'caddy.@api.path': '/api/* /v1',
      'caddy.reverse_proxy': '@api {{upstreams 3000}}',
    },
    entries: [{ hostname: 'app.example.com', path: '(?:^/api/)|(?:^/v1$)', port: 3000 }],
  },
  {
    about: 'with a named matcher of something else',
    labels: {
      ...site,
      'caddy.@home.remote_ip': '192.168.0.0/16',
      'caddy.reverse_proxy': '@home {{upstreams 3000}}',
    },
    notes: ['caddy.reverse_proxy', 'caddy'],
    says: /the matcher "@home" looks at more than paths; nothing is published/,
  },
  {
    about: 'with a password',
    labels: { ...proxied, 'caddy.basicauth': '', 'caddy.basicauth.alice': '$2a$14$Zkx19XLiW6VYouLHR5NmfO' },
    entries: [{ ...entry, guarded: 'Caddy\'s "basicauth" guards it or may' }],
    notes: ['caddy.basicauth'],
  },
  {
    about: 'with a login in front and a snippet',
    labels: {
      ...proxied,
      'caddy.forward_auth': 'authelia:9091',
      'caddy.forward_auth.uri': '/api/verify',
      'caddy.import': 'secure *',
      caddy_1: '(secure)',
      'caddy_1.forward_auth': 'authelia:9091',
    },
    entries: [{ ...entry, guarded: 'Caddy\'s "forward_auth" guards it or may' }],
    notes: ['caddy.forward_auth', 'caddy.import'],
  },
  {
    about: 'that asks for certificates, inside a handle',
    labels: {
      ...site,
      'caddy.tls.client_auth.mode': 'require',
      'caddy.handle.abort': '@bad',
      'caddy.handle.reverse_proxy': '{{upstreams 80}}',
    },
    entries: [{ hostname: 'app.example.com', port: 80, guarded: 'Caddy\'s "client_auth" guards it or may' }],
    notes: ['caddy.tls.client_auth', 'caddy.handle.abort'],
  },
  {
    about: 'with compression, a log, TLS settings and headers',
    labels: {
      ...proxied,
      'caddy.encode': 'zstd gzip',
      'caddy.log': '',
      'caddy.tls': 'internal',
      'caddy.header': '/* -Server',
    },
    entries: [entry],
    notes: ['caddy.header'],
  },
  { about: 'with global options', labels: { 'caddy.email': 'me@example.com' } },
  {
    about: 'that only redirects',
    labels: { ...site, 'caddy.redir': 'https://example.com{uri}' },
    notes: ['caddy', 'caddy.redir'],
    says: /no reverse_proxy to this container/,
  },
  {
    about: 'with a template for a name',
    labels: { caddy: '{$DOMAIN}', 'caddy.reverse_proxy': '{{upstreams}}' },
    notes: ['caddy'],
    says: /is a template/,
  },
  {
    about: 'with a port alone and a name at a port of its own',
    labels: { caddy: ':8080, app.example.com:8443', 'caddy.reverse_proxy': '{{upstreams}}' },
    entries: [{ hostname: 'app.example.com' }],
    notes: ['caddy'],
    says: /":8080" names no host/,
  },
  {
    about: 'that leads to itself by name, and to another machine',
    labels: {
      ...site,
      'caddy.1_reverse_proxy': '/a* http://app:8080',
      'caddy.2_reverse_proxy': '192.168.1.10:5000 192.168.1.11:5000',
    },
    entries: [
      { hostname: 'app.example.com', path: '^/a', protocol: 'http', port: 8080 },
      { hostname: 'app.example.com', service: 'http://192.168.1.10:5000' },
    ],
    notes: ['caddy.2_reverse_proxy'],
  },
  {
    about: 'with a path within a path',
    labels: {
      ...site,
      'caddy.handle': '/a/*',
      'caddy.handle.handle': '/a/b/*',
      'caddy.handle.handle.reverse_proxy': '{{upstreams}}',
    },
    notes: ['caddy.handle.handle', 'caddy'],
  },
]);
