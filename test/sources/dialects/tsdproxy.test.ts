// TSDProxy's labels, version 1 and later.
import { tsdproxy } from '../../../src/sources/dialects/tsdproxy.ts';
import { testDialect } from './reading.ts';

const on = { 'tsdproxy.enable': 'true' };
const guarded = 'only its tailnet reaches it with TSDProxy';
const notes = ['tsdproxy.enable'];

testDialect(tsdproxy, [
  { about: 'that is just enabled', labels: on, entries: [{ guarded }], notes },
  {
    about: 'with a name and a port, as version 1 has them',
    labels: { ...on, 'tsdproxy.name': 'myserver', 'tsdproxy.container_port': '8080' },
    entries: [{ hostname: 'myserver', port: 8080, guarded }],
    notes,
  },
  {
    about: 'that speaks TLS with a certificate nobody knows, as version 1 says it',
    labels: { ...on, 'tsdproxy.scheme': 'https', 'tsdproxy.tlsvalidate': 'false', 'tsdproxy.funnel': 'true' },
    entries: [{ protocol: 'https', originRequest: { noTLSVerify: true } }],
  },
  {
    about: 'with everything about the machine in the tailnet',
    labels: {
      ...on,
      'tsdproxy.funnel': 'true',
      'tsdproxy.ephemeral': 'true',
      'tsdproxy.webclient': 'true',
      'tsdproxy.authkey': 'tskey-secret',
      'tsdproxy.tags': 'tag:web',
      'tsdproxy.dash.icon': 'si/portainer',
      'tsdproxy.dash.visible': 'false',
    },
    entries: [{}],
  },
  {
    about: 'with one port',
    labels: { ...on, 'tsdproxy.name': 'test', 'tsdproxy.port.1': '443/https:80/http' },
    entries: [{ hostname: 'test', protocol: 'http', port: 80, guarded }],
    notes,
  },
  {
    about: 'with a second port and redirects',
    labels: {
      ...on,
      'tsdproxy.port.1': '80/http:8080/http, no_autodetect',
      'tsdproxy.port.2': '443/https:80/http',
      'tsdproxy.port.3': '81/http->https://test.example.ts.net',
    },
    entries: [{ protocol: 'http', port: 80, guarded }],
    notes: ['tsdproxy.port.3', 'tsdproxy.port.1', 'tsdproxy.enable'],
  },
  {
    about: 'with a funnel and a certificate nobody checks',
    labels: { ...on, 'tsdproxy.port.1': '443/https:8443/https, no_tlsvalidate, tailscale_funnel' },
    entries: [{ protocol: 'https', port: 8443, originRequest: { noTLSVerify: true } }],
  },
  {
    about: 'with a name in a domain of its own',
    labels: { ...on, 'tsdproxy.name': 'app', 'tsdproxy.domain': 'app.example.com' },
    entries: [{ hostname: 'app.example.com', guarded }],
    notes,
  },
  {
    about: 'with a TCP port',
    labels: { ...on, 'tsdproxy.port.1': '5432/tcp:5432/tcp' },
    entries: [{ protocol: 'tcp', port: 5432, guarded }],
    notes,
  },
  {
    about: 'with a UDP port',
    labels: { ...on, 'tsdproxy.port.1': '53/udp:53/udp' },
    notes: ['tsdproxy.port.1', 'tsdproxy.enable'],
    says: /UDP does not pass/,
  },
  {
    about: 'with a range of ports',
    labels: { ...on, 'tsdproxy.port.1': '8000-8010/http:8000-8010/http' },
    entries: [{ guarded }],
    notes: ['tsdproxy.port.1', 'tsdproxy.enable'],
    says: /leads to no single port/,
  },
  { about: 'that is switched off', labels: { 'tsdproxy.enable': 'false' }, off: 'tsdproxy.enable' },
  { about: 'that is not enabled', labels: { 'tsdproxy.name': 'x' } },
  {
    about: 'with limits and headers',
    labels: { ...on, 'tsdproxy.funnel': 'true', 'tsdproxy.ratelimit.rps': '5', 'tsdproxy.identity_headers': 'true' },
    entries: [{}],
    notes: ['tsdproxy.ratelimit.rps', 'tsdproxy.identity_headers'],
  },
]);
