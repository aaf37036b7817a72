// The labels of docker-cloudflare-tunnel-sync, which share a prefix with DockFlare's older ones.
import { tunnelSync } from '../../../src/sources/dialects/tunnel-sync.ts';
import { testDialect } from './reading.ts';

const base = {
  'cloudflare.tunnel.enable': 'true',
  'cloudflare.tunnel.hostname': 'app.example.com',
  'cloudflare.tunnel.service': 'http://app:8080',
};
const app = { hostname: 'app.example.com', protocol: 'http', port: 8080 } as const;
const guarded = 'a Cloudflare Access application of these labels guards it';

testDialect(tunnelSync, [
  { about: 'with one route', labels: base, entries: [app] },
  {
    about: 'with a path and a zone',
    labels: { ...base, 'cloudflare.tunnel.path': '/api', 'cloudflare.tunnel.dns.zone': 'example.com' },
    entries: [{ ...app, path: '/api' }],
  },
  {
    about: 'with options for the origin',
    labels: {
      ...base,
      'cloudflare.tunnel.service': 'https://app:8443',
      'cloudflare.tunnel.origin.server-name': 'inner.example.com',
      'cloudflare.tunnel.origin.no-tls-verify': 'true',
    },
    entries: [
      {
        hostname: 'app.example.com',
        protocol: 'https',
        port: 8443,
        originRequest: { originServerName: 'inner.example.com', noTLSVerify: true },
      },
    ],
  },
  {
    about: 'with a second route under a suffix',
    labels: {
      ...base,
      'cloudflare.tunnel.hostname.admin': 'admin.example.com',
      'cloudflare.tunnel.service.admin': 'http://app:9000',
      'cloudflare.tunnel.dns.zone.admin': 'example.com',
    },
    entries: [app, { hostname: 'admin.example.com', protocol: 'http', port: 9000 }],
  },
  {
    about: 'with a suffix that has no service of its own',
    labels: { ...base, 'cloudflare.tunnel.hostname.www': 'www.example.com' },
    entries: [app, { hostname: 'www.example.com' }],
  },
  {
    about: 'with a Cloudflare Access application',
    labels: {
      ...base,
      'cloudflare.access.enable': 'true',
      'cloudflare.access.app.name': 'app',
      'cloudflare.access.policy.1.action': 'allow',
      'cloudflare.access.policy.1.include.emails': 'me@example.com',
    },
    entries: [{ ...app, guarded }],
    notes: [
      'cloudflare.access.app.name',
      'cloudflare.access.policy.1.action',
      'cloudflare.access.policy.1.include.emails',
      'cloudflare.access.enable',
    ],
  },
  {
    about: 'with an application that is not switched on by a word of its own',
    labels: { ...base, 'cloudflare.access.policy.1.id': '7f0c' },
    entries: [{ ...app, guarded }],
    notes: ['cloudflare.access.policy.1.id'],
  },
  {
    about: 'with an application that is switched off',
    labels: { ...base, 'cloudflare.access.enable': 'false', 'cloudflare.access.app.name': 'app' },
    entries: [app],
  },
  {
    about: 'that is switched off',
    labels: { ...base, 'cloudflare.tunnel.enable': 'false' },
    off: 'cloudflare.tunnel.enable',
  },
  { about: 'that is not enabled', labels: { 'cloudflare.tunnel.hostname': 'app.example.com' } },
  {
    about: 'with a hostname that is a URL',
    labels: { ...base, 'cloudflare.tunnel.hostname': 'https://app.example.com/' },
    notes: ['cloudflare.tunnel.hostname'],
    says: /must be a hostname/,
  },
  {
    about: "whose labels are plainly DockFlare's",
    labels: { ...base, 'cloudflare.tunnel.0.hostname': 'b.example.com' },
  },
  {
    about: 'with a word nobody knows',
    labels: { ...base, 'cloudflare.tunnel.hostnaem': 'b.example.com' },
    entries: [app],
    notes: ['cloudflare.tunnel.hostnaem'],
    says: /no counterpart/,
  },
]);
