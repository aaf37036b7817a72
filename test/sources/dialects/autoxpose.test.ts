// autoxpose's labels: proposed, published, or left alone.
import { autoxpose } from '../../../src/sources/dialects/autoxpose.ts';
import { testDialect } from './reading.ts';

const auto = { 'autoxpose.enable': 'auto' };

testDialect(autoxpose, [
  { about: 'that publishes itself', labels: auto, entries: [{}] },
  {
    about: 'with a subdomain',
    labels: { ...auto, 'autoxpose.subdomain': 'sample', 'autoxpose.name': 'FastAPI Sample' },
    entries: [{ hostname: 'sample' }],
  },
  {
    about: 'with a port and a scheme',
    labels: { ...auto, 'autoxpose.port': '8443', 'autoxpose.scheme': 'https' },
    entries: [{ port: 8443, protocol: 'https' }],
  },
  {
    about: 'that is only proposed there',
    labels: { 'autoxpose.enable': 'true', 'autoxpose.subdomain': 'myapp' },
    gaps: { hostname: 'myapp' },
    notes: ['autoxpose.enable'],
  },
  {
    about: 'that is proposed with a port',
    labels: { 'autoxpose.enable': 'TRUE', 'autoxpose.port': '3000' },
    gaps: { port: 3000 },
    notes: ['autoxpose.enable'],
  },
  {
    about: 'behind an access list',
    labels: { ...auto, 'autoxpose.npm.access_list': 'family' },
    entries: [{ guarded: "Nginx Proxy Manager's access list guards it" }],
    notes: ['autoxpose.npm.access_list'],
  },
  { about: 'that is switched off', labels: { 'autoxpose.enable': 'false' }, off: 'autoxpose.enable' },
  { about: 'with labels and no switch', labels: { 'autoxpose.subdomain': 'x' } },
  {
    about: 'with a port that is none',
    labels: { ...auto, 'autoxpose.port': '80:80' },
    entries: [{}],
    notes: ['autoxpose.port'],
  },
  {
    about: 'with a subdomain that is none',
    labels: { ...auto, 'autoxpose.subdomain': 'my app' },
    notes: ['autoxpose.subdomain'],
    says: /must be a hostname/,
  },
  {
    about: 'with a word nobody knows',
    labels: { ...auto, 'autoxpose.domain': 'example.com' },
    entries: [{}],
    notes: ['autoxpose.domain'],
  },
]);
