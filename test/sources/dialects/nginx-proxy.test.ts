// nginx-proxy's variables, as its documentation has them.
import { nginxProxy } from '../../../src/sources/dialects/nginx-proxy.ts';
import { testDialect } from './reading.ts';

testDialect(nginxProxy, [
  { about: 'with one host', labels: { VIRTUAL_HOST: 'foo.example.com' }, entries: [{ hostname: 'foo.example.com' }] },
  {
    about: 'with hosts between commas and a port',
    labels: { VIRTUAL_HOST: 'foo.example.com, baz.example.com,', VIRTUAL_PORT: '8080' },
    entries: [
      { hostname: 'foo.example.com', port: 8080 },
      { hostname: 'baz.example.com', port: 8080 },
    ],
  },
  {
    about: 'that speaks HTTPS',
    labels: { VIRTUAL_HOST: 'foo.example.com', VIRTUAL_PORT: '8443', VIRTUAL_PROTO: 'https' },
    entries: [{ hostname: 'foo.example.com', port: 8443, protocol: 'https' }],
  },
  {
    about: 'that speaks FastCGI',
    labels: { VIRTUAL_HOST: 'foo.example.com', VIRTUAL_PROTO: 'fastcgi' },
    notes: ['VIRTUAL_PROTO'],
    says: /"fastcgi" is no protocol .*; nothing is published/,
  },
  {
    about: 'under a path that stays as it is',
    labels: { VIRTUAL_HOST: 'foo.example.com', VIRTUAL_PATH: '/api/' },
    entries: [{ hostname: 'foo.example.com', path: '^/api/' }],
  },
  {
    about: 'under a path that is taken off',
    labels: { VIRTUAL_HOST: 'foo.example.com', VIRTUAL_PATH: '/app/', VIRTUAL_DEST: '/' },
    entries: [{ hostname: 'foo.example.com', path: '^/app/' }],
    notes: ['VIRTUAL_DEST'],
  },
  {
    about: 'under an expression and under exactly one path',
    labels: {
      VIRTUAL_HOST_MULTIPORTS:
        'foo.example.com:\n  "~ ^/(a|b)/":\n    port: 81\n  "= /ping":\n    port: 82\n  "~* \\\\.PNG$":\n    port: 83\n',
    },
    entries: [
      { hostname: 'foo.example.com', path: '^/(a|b)/', port: 81 },
      { hostname: 'foo.example.com', path: '^/ping$', port: 82 },
      { hostname: 'foo.example.com', path: '(?i)\\.PNG$', port: 83 },
    ],
  },
  {
    about: 'with a wildcard in front',
    labels: { VIRTUAL_HOST: '*.example.com,.example.org' },
    entries: [{ hostname: '*.example.com' }, { hostname: '*.example.org' }],
  },
  {
    about: 'with a wildcard at the end',
    labels: { VIRTUAL_HOST: 'www.*' },
    notes: ['VIRTUAL_HOST'],
    says: /leaves the domain open/,
  },
  {
    about: 'with an expression for a host',
    labels: { VIRTUAL_HOST: '~^foo\\..*\\.example\\.com$,foo.example.com' },
    entries: [{ hostname: 'foo.example.com' }],
    notes: ['VIRTUAL_HOST'],
    says: /names no host in particular/,
  },
  {
    about: 'with several ports as YAML, which the other variables do not touch',
    labels: {
      VIRTUAL_HOST: 'ignored.example.com',
      VIRTUAL_PORT: '1',
      VIRTUAL_PROTO: 'https',
      VIRTUAL_HOST_MULTIPORTS:
        'www.example.org:\nservice.example.org:\n  "/":\n    port: 8000\n  "/api":\n    port: 9000\n    dest: "/"\n',
    },
    entries: [
      { hostname: 'www.example.org', protocol: 'https' },
      { hostname: 'service.example.org', port: 8000, protocol: 'https' },
      { hostname: 'service.example.org', path: '^/api', port: 9000, protocol: 'https' },
    ],
    notes: ['VIRTUAL_HOST_MULTIPORTS'],
  },
  {
    about: 'with several ports as JSON',
    labels: { VIRTUAL_HOST_MULTIPORTS: '{"a.example.org": {"/": {"port": "8000"}}, "b.example.org": {}}' },
    entries: [{ hostname: 'a.example.org', port: 8000 }],
  },
  {
    about: 'with several ports nobody can read',
    labels: { VIRTUAL_HOST_MULTIPORTS: 'a: [&x 1, *x' },
    notes: ['VIRTUAL_HOST_MULTIPORTS'],
    says: /no YAML/,
  },
  {
    about: 'for the local network only',
    labels: { VIRTUAL_HOST: 'foo.example.com', NETWORK_ACCESS: 'internal' },
    off: 'NETWORK_ACCESS',
    notes: ['NETWORK_ACCESS'],
  },
  { about: 'without any of it', labels: { PATH: '/bin', VIRTUAL_PORT: '80' } },
]);
