// Dockroute's labels: records, and tunnel routes where a service is named.
import { dockroute } from '../../../src/sources/dialects/dockroute.ts';
import { testDialect } from './reading.ts';

const route = {
  'dockroute.enabled': 'true',
  'dockroute.hostname': 'whoami.example.com',
  'dockroute.tunnel.service': 'http://whoami:80',
};
const names = ['whoami'];
const entry = { hostname: 'whoami.example.com', protocol: 'http', port: 80 } as const;

testDialect(dockroute, [
  { about: 'with a tunnel route', names, labels: route, entries: [entry] },
  {
    about: 'with two hostnames',
    names,
    labels: { ...route, 'dockroute.hostname': 'a.example.com, b.example.com' },
    entries: [
      { ...entry, hostname: 'a.example.com' },
      { ...entry, hostname: 'b.example.com' },
    ],
  },
  {
    about: 'with a record besides, for which the tunnel wins',
    names,
    labels: { ...route, 'dockroute.type': 'A', 'dockroute.target': '192.0.2.1', 'dockroute.ttl': '300' },
    entries: [entry],
  },
  {
    about: 'with nothing but a record',
    labels: { 'dockroute.enabled': 'true', 'dockroute.hostname': 'a.example.com', 'dockroute.target': '192.0.2.1' },
    notes: ['dockroute.hostname', 'dockroute.target'],
    says: /it is a record and no tunnel route/,
  },
  {
    about: 'that is not to be proxied',
    names,
    labels: { ...route, 'dockroute.cloudflare.proxied': 'false' },
    entries: [entry],
    notes: ['dockroute.cloudflare.proxied'],
  },
  {
    about: 'that is proxied, as everything is here',
    names,
    labels: { ...route, 'dockroute.cloudflare.proxied': 'true' },
    entries: [entry],
  },
  {
    about: 'whose switch says yes, which Dockroute does not take',
    labels: { ...route, 'dockroute.enabled': 'yes' },
    off: 'dockroute.enabled',
    notes: ['dockroute.enabled'],
  },
  { about: 'that is switched off', labels: { ...route, 'dockroute.enabled': 'false' }, off: 'dockroute.enabled' },
  { about: 'that is not enabled', labels: { 'dockroute.hostname': 'a.example.com' } },
  {
    about: 'without a hostname',
    labels: { 'dockroute.enabled': 'true', 'dockroute.tunnel.service': 'http://app:80' },
    notes: ['dockroute.enabled'],
  },
  {
    about: 'that leads to another container',
    labels: route,
    entries: [{ hostname: 'whoami.example.com', service: 'http://whoami:80' }],
  },
  {
    about: 'with one hostname that is none',
    names,
    labels: { ...route, 'dockroute.hostname': 'a.example.com,b_c' },
    entries: [{ ...entry, hostname: 'a.example.com' }],
    notes: ['dockroute.hostname'],
  },
]);
