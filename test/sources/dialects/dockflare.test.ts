// DockFlare's labels under both prefixes, as its reference and its users' compose files write them.
import { dockflare } from '../../../src/sources/dialects/dockflare.ts';
import { testDialect } from './reading.ts';

testDialect(dockflare, [
  {
    about: 'with the three labels every one has',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'app.example.com',
      'dockflare.service': 'http://app:8080',
    },
    entries: [{ hostname: 'app.example.com', protocol: 'http', port: 8080 }],
  },
  {
    about: 'with the older prefix',
    labels: {
      'cloudflare.tunnel.enable': 'true',
      'cloudflare.tunnel.hostname': 'app.example.com',
      'cloudflare.tunnel.service': 'https://app',
      'cloudflare.tunnel.no_tls_verify': 'true',
    },
    entries: [{ hostname: 'app.example.com', protocol: 'https', port: 443, originRequest: { noTLSVerify: true } }],
  },
  {
    about: 'with both prefixes, of which the newer one wins',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'new.example.com',
      'dockflare.service': 'http://app:1',
      'cloudflare.tunnel.enable': 'false',
      'cloudflare.tunnel.hostname': 'old.example.com',
      'cloudflare.tunnel.path': '/x/',
    },
    entries: [{ hostname: 'new.example.com', protocol: 'http', port: 1, path: '/x' }],
  },
  {
    about: 'with numbered entries that fall back on the plain labels',
    labels: {
      'dockflare.enable': 'yes',
      'dockflare.service': 'http://app:80',
      'dockflare.httpHostHeader': 'inner.example.com',
      'dockflare.0.hostname': 'a.example.com',
      'dockflare.1.hostname': 'b.example.com',
      'dockflare.1.service': 'http://app:3000',
      'dockflare.1.path': 'api',
    },
    entries: [
      { hostname: 'a.example.com', protocol: 'http', port: 80, originRequest: { httpHostHeader: 'inner.example.com' } },
      {
        hostname: 'b.example.com',
        protocol: 'http',
        port: 3000,
        path: '/api',
        originRequest: { httpHostHeader: 'inner.example.com' },
      },
    ],
  },
  {
    about: 'with a gap in the numbers',
    labels: {
      'dockflare.enable': '1',
      'dockflare.service': 'http://app:80',
      'dockflare.0.hostname': 'a.example.com',
      'dockflare.7.hostname': 'b.example.com',
    },
    entries: [
      { hostname: 'a.example.com', protocol: 'http', port: 80 },
      { hostname: 'b.example.com', protocol: 'http', port: 80 },
    ],
  },
  {
    about: 'with every option for the origin',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'app.example.com',
      'dockflare.service': 'https://app:8443',
      'dockflare.zonename': 'example.com',
      'dockflare.originsrvname': 'inner.example.com',
      'dockflare.http2_origin': 'true',
      'dockflare.disable_chunked_encoding': 'true',
      'dockflare.match_sni_to_host': 'false',
    },
    entries: [
      {
        hostname: 'app.example.com',
        protocol: 'https',
        port: 8443,
        originRequest: {
          originServerName: 'inner.example.com',
          http2Origin: true,
          disableChunkedEncoding: true,
          matchSNItoHost: false,
        },
      },
    ],
  },
  {
    about: 'that leads to another machine',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'nas.example.com',
      'dockflare.service': 'http://192.168.1.10:5000',
    },
    entries: [{ hostname: 'nas.example.com', service: 'http://192.168.1.10:5000' }],
  },
  {
    about: 'with an SSH server',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'ssh.example.com',
      'dockflare.service': 'ssh://app:22',
    },
    entries: [{ hostname: 'ssh.example.com', protocol: 'ssh', port: 22 }],
  },
  {
    about: 'that is open to everyone, where labels may not say so',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'app.example.com',
      'dockflare.service': 'http://app:80',
      'dockflare.access.policy': 'bypass',
    },
    entries: [{ hostname: 'app.example.com', protocol: 'http', port: 80 }],
    notes: ['dockflare.access.policy'],
    says: /labels\.allow\.public: true, and the default policy counts/,
  },
  {
    about: 'that is open to everyone, where labels may say so',
    mayOpen: true,
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'app.example.com',
      'dockflare.service': 'http://app:80',
      'dockflare.access.policy': 'bypass',
    },
    entries: [{ hostname: 'app.example.com', protocol: 'http', port: 80, access: 'public' }],
  },
  {
    about: 'with a login, its name and its rules',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'app.example.com',
      'dockflare.service': 'http://app:80',
      'dockflare.access.policy': 'authenticate',
      'dockflare.access.name': 'My app',
      'dockflare.access.custom_rules': '[{"email":{"email":"me@example.com"},"action":"allow"}]',
    },
    entries: [
      { hostname: 'app.example.com', protocol: 'http', port: 80, guarded: "DockFlare's access rules guard it" },
    ],
    notes: ['dockflare.access.name', 'dockflare.access.custom_rules', 'dockflare.access.policy'],
  },
  {
    about: 'with a group on one of its entries',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.0.hostname': 'app.example.com',
      'dockflare.0.service': 'http://app:80',
      'dockflare.1.hostname': 'api.example.com',
      'dockflare.1.service': 'http://app:3000',
      'dockflare.1.access.group': 'api-access',
      'dockflare.1.access.policy': 'bypass',
    },
    entries: [
      { hostname: 'app.example.com', protocol: 'http', port: 80 },
      {
        hostname: 'api.example.com',
        protocol: 'http',
        port: 3000,
        guarded: 'DockFlare\'s access policy "api-access" guards it',
      },
    ],
    notes: ['dockflare.1.access.group'],
  },
  {
    about: 'that is switched off',
    labels: { 'dockflare.enable': 'false', 'dockflare.hostname': 'app.example.com' },
    off: 'dockflare.enable',
  },
  { about: 'that is not enabled', labels: { 'dockflare.hostname': 'app.example.com' } },
  {
    about: 'with a service that has a path, which cloudflared refuses',
    labels: {
      'dockflare.enable': 'true',
      'dockflare.hostname': 'app.example.com',
      'dockflare.service': 'http://app:80/path',
    },
    notes: ['dockflare.service'],
    says: /must be a service URL .*; nothing is published through it/,
  },
  {
    about: "whose labels are plainly docker-cloudflare-tunnel-sync's",
    labels: {
      'cloudflare.tunnel.enable': 'true',
      'cloudflare.tunnel.hostname': 'app.example.com',
      'cloudflare.tunnel.origin.server-name': 'inner.example.com',
    },
  },
]);
