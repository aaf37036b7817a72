// labelgate's labels: tunnels, records and policies side by side.
import { labelgate } from '../../../src/sources/dialects/labelgate.ts';
import { testDialect } from './reading.ts';

const web = { 'labelgate.tunnel.web.hostname': 'app.example.com', 'labelgate.tunnel.web.service': 'http://app:80' };
const entry = { hostname: 'app.example.com', protocol: 'http', port: 80 } as const;

testDialect(labelgate, [
  { about: 'with one tunnel service', labels: web, entries: [entry] },
  {
    about: 'with a record beside it',
    labels: {
      ...web,
      'labelgate.dns.web-dns.hostname': 'app.example.com',
      'labelgate.dns.web-dns.target': '192.0.2.1',
    },
    entries: [entry],
    notes: ['labelgate.dns.web-dns.hostname', 'labelgate.dns.web-dns.target'],
    says: /records follow the hostnames/,
  },
  {
    about: 'with two services and a path, which is an expression there too',
    labels: {
      ...web,
      'labelgate.tunnel.api.hostname': 'app.example.com',
      'labelgate.tunnel.api.service': 'http://app:3000',
      'labelgate.tunnel.api.path': '^/api/v[12]/',
    },
    entries: [entry, { ...entry, port: 3000, path: '^/api/v[12]/' }],
  },
  {
    about: 'with options for the origin',
    labels: {
      ...web,
      'labelgate.tunnel.web.origin.no_tls_verify': 'true',
      'labelgate.tunnel.web.origin.origin_server_name': 'inner.example.com',
      'labelgate.tunnel.web.origin.http_host_header': 'inner.example.com',
      'labelgate.tunnel.web.origin.connect_timeout': '30s',
      'labelgate.tunnel.web.origin.keep_alive_connections': '10',
    },
    entries: [
      {
        ...entry,
        originRequest: {
          noTLSVerify: true,
          originServerName: 'inner.example.com',
          httpHostHeader: 'inner.example.com',
          connectTimeout: 30,
          keepAliveConnections: 10,
        },
      },
    ],
  },
  {
    about: 'with an option nobody knows and one that does not hold',
    labels: {
      ...web,
      'labelgate.tunnel.web.origin.http3_origin': 'true',
      'labelgate.tunnel.web.origin.tls_timeout': 'long',
    },
    entries: [entry],
    notes: ['labelgate.tunnel.web.origin.tls_timeout', 'labelgate.tunnel.web.origin.http3_origin'],
  },
  {
    about: "with labelgate's own choices of tunnel, token and clean-up",
    labels: {
      ...web,
      'labelgate.tunnel.web.tunnel': 'home',
      'labelgate.tunnel.web.credential': 'work',
      'labelgate.tunnel.web.cleanup': 'true',
    },
    entries: [entry],
  },
  {
    about: 'with a policy',
    labels: {
      ...web,
      'labelgate.tunnel.web.access': 'team',
      'labelgate.access.team.policy.decision': 'allow',
      'labelgate.access.team.policy.include.email': 'me@example.com',
    },
    entries: [{ ...entry, guarded: 'labelgate\'s access policy "team" guards it' }],
    notes: [
      'labelgate.tunnel.web.access',
      'labelgate.access.team.policy.decision',
      'labelgate.access.team.policy.include.email',
    ],
  },
  {
    about: 'with a policy that is kept elsewhere',
    labels: { ...web, 'labelgate.tunnel.web.access': 'team' },
    entries: [{ ...entry, guarded: 'labelgate\'s access policy "team" guards it' }],
    notes: ['labelgate.tunnel.web.access'],
  },
  {
    about: 'with a policy that lets everyone in, where labels may not say so',
    labels: { ...web, 'labelgate.tunnel.web.access': 'open', 'labelgate.access.open.policy.decision': 'bypass' },
    entries: [entry],
    notes: ['labelgate.tunnel.web.access', 'labelgate.access.open.policy.decision'],
  },
  {
    about: 'with a policy that lets everyone in, where labels may say so',
    mayOpen: true,
    labels: { ...web, 'labelgate.tunnel.web.access': 'open', 'labelgate.access.open.policy.decision': 'bypass' },
    entries: [{ ...entry, access: 'public' }],
    notes: ['labelgate.access.open.policy.decision'],
  },
  {
    about: 'with an expression nobody can read',
    labels: { ...web, 'labelgate.tunnel.web.path': '^/(api' },
    notes: ['labelgate.tunnel.web.path'],
    says: /must be a regular expression .*; nothing is published/,
  },
  {
    about: 'with a service and no hostname',
    labels: { 'labelgate.tunnel.web.service': 'http://app:80' },
    notes: ['labelgate.tunnel.web.service'],
  },
  {
    about: 'with a unix socket for an origin',
    labels: { ...web, 'labelgate.tunnel.web.service': 'unix:/run/app.sock' },
    entries: [{ hostname: 'app.example.com', service: 'unix:/run/app.sock' }],
  },
]);
