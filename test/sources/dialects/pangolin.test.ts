// Pangolin's blueprint labels, under the newer and the older word for a resource.
import { pangolin } from '../../../src/sources/dialects/pangolin.ts';
import { testDialect } from './reading.ts';

const base = (words: Record<string, string>, kind = 'public-resources') =>
  Object.fromEntries(Object.entries(words).map(([word, value]) => [`pangolin.${kind}.web.${word}`, value]));
const key = (word: string) => `pangolin.public-resources.web.${word}`;
const domain = { 'full-domain': 'app.example.com' };
const entry = { hostname: 'app.example.com', port: 8080 };

testDialect(pangolin, [
  {
    about: 'with one target',
    labels: base({ name: 'App', mode: 'http', ...domain, 'targets[0].method': 'http', 'targets[0].port': '8080' }),
    entries: [{ ...entry, protocol: 'http' }],
  },
  {
    about: 'with the older words',
    labels: base(
      { name: 'App', protocol: 'http', ...domain, 'targets[0].enabled': 'true', 'targets[0].port': '8080' },
      'proxy-resources',
    ),
    entries: [entry],
  },
  { about: 'without a target', labels: base(domain), entries: [{ hostname: 'app.example.com' }] },
  { about: 'without a domain', labels: base({ 'targets[0].port': '4321' }), entries: [{ port: 4321 }] },
  {
    about: 'that names itself as the target, and its site',
    labels: base({
      ...domain,
      'targets[0].hostname': 'app',
      'targets[0].port': '8080',
      'targets[0].site': 'home',
      ssl: 'true',
    }),
    entries: [entry],
  },
  {
    about: 'that leads to another machine',
    labels: base({
      ...domain,
      'targets[0].hostname': '192.168.1.10',
      'targets[0].port': '5001',
      'targets[0].method': 'https',
    }),
    entries: [{ hostname: 'app.example.com', service: 'https://192.168.1.10:5001' }],
  },
  {
    about: 'with targets for paths',
    labels: base({
      ...domain,
      'targets[0].port': '80',
      'targets[1].port': '81',
      'targets[1].path': '/api',
      'targets[1].path-match': 'prefix',
      'targets[2].port': '82',
      'targets[2].path': '/ping',
      'targets[2].path-match': 'exact',
      'targets[3].port': '83',
      'targets[3].path': '^/v[0-9]+/',
      'targets[3].path-match': 'regex',
    }),
    entries: [
      { hostname: 'app.example.com', port: 80 },
      { hostname: 'app.example.com', port: 81, path: '^/api' },
      { hostname: 'app.example.com', port: 82, path: '^/ping$' },
      { hostname: 'app.example.com', port: 83, path: '^/v[0-9]+/' },
    ],
  },
  {
    about: 'with two targets that share the load, one switched off and a rewritten path',
    labels: base({
      ...domain,
      'targets[0].port': '8080',
      'targets[1].port': '8081',
      'targets[2].port': '8082',
      'targets[2].enabled': 'false',
      'targets[0].rewrite-path': '/',
      'targets[0].healthcheck.path': '/health',
    }),
    entries: [entry],
    notes: [key('targets[1].port'), key('targets[0].rewrite-path'), key('targets[0].healthcheck.path')],
  },
  {
    about: 'with a login',
    labels: base({ ...domain, 'targets[0].port': '8080', 'auth.sso-enabled': 'true', 'auth.sso-roles[0]': 'Member' }),
    entries: [{ ...entry, guarded: "Pangolin's auth guards it" }],
    notes: [key('auth.sso-enabled'), key('auth.sso-roles[0]')],
  },
  {
    about: 'whose login is switched off',
    labels: base({ ...domain, 'targets[0].port': '8080', 'auth.sso-enabled': 'false' }),
    entries: [entry],
  },
  {
    about: 'with a pin, rules and a policy',
    labels: base({
      ...domain,
      'targets[0].port': '8080',
      'auth.pincode': '0',
      'rules[0].action': 'deny',
      'rules[0].match': 'country',
      policy: 'team',
    }),
    entries: [{ ...entry, guarded: "Pangolin's auth guards it" }],
    notes: [key('auth.pincode'), key('rules[0].action'), key('rules[0].match'), key('policy')],
  },
  {
    about: 'with names for the origin and headers',
    labels: base({
      ...domain,
      'targets[0].port': '8080',
      'host-header': 'inner.example.com',
      'tls-server-name': 'inner.example.com',
      'headers[0].name': 'X-Example',
    }),
    entries: [
      {
        ...entry,
        originRequest: { httpHostHeader: 'inner.example.com', originServerName: 'inner.example.com' },
      },
    ],
    notes: [key('headers[0].name')],
  },
  {
    about: 'with a port of its own',
    labels: base({ mode: 'tcp', 'proxy-port': '3000', 'targets[0].port': '3000' }),
    notes: [key('mode')],
    says: /"tcp" is reached by its port there/,
  },
  { about: 'that is disabled', labels: base({ ...domain, enabled: 'false', 'targets[0].port': '8080' }) },
  {
    about: 'for clients only',
    labels: { 'pangolin.private-resources.ssh.mode': 'host', 'pangolin.private-resources.ssh.destination': '10.0.0.5' },
    notes: ['pangolin.private-resources.ssh.mode', 'pangolin.private-resources.ssh.destination'],
  },
]);
