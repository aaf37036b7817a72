// Labels that say where a service is and publish nothing: homepage's links and Unraid's.
import { homepage } from '../../../src/sources/dialects/homepage.ts';
import { unraid } from '../../../src/sources/dialects/unraid.ts';
import { testDialect } from './reading.ts';

testDialect(homepage, [
  {
    about: 'with a link, a group and an icon',
    labels: {
      'homepage.group': 'Media',
      'homepage.name': 'Emby',
      'homepage.icon': 'emby.png',
      'homepage.href': 'https://emby.example.com/web/',
    },
    gaps: { hostname: 'emby.example.com' },
  },
  {
    about: 'with a widget that asks it by name',
    labels: {
      'homepage.widget.type': 'emby',
      'homepage.widget.url': 'http://app:8096',
      'homepage.widget.key': 'secret',
    },
    gaps: { port: 8096, protocol: 'http' },
  },
  {
    about: 'with both',
    labels: { 'homepage.href': 'https://emby.example.com', 'homepage.widget.url': 'https://app' },
    gaps: { hostname: 'emby.example.com', port: 443, protocol: 'https' },
  },
  {
    about: 'with a link for one of several dashboards',
    labels: { 'homepage.instance.public.href': 'https://emby.example.com' },
    gaps: { hostname: 'emby.example.com' },
  },
  {
    about: 'with several widgets',
    labels: { 'homepage.widgets[0].type': 'emby', 'homepage.widgets[0].url': 'http://app:8096' },
    gaps: { port: 8096, protocol: 'http' },
  },
  {
    about: 'with an address for a link',
    labels: { 'homepage.href': 'http://192.168.1.10:8096' },
    notes: ['homepage.href'],
  },
  { about: 'with a name of the house', labels: { 'homepage.href': 'http://nas.local' }, notes: ['homepage.href'] },
  {
    about: 'with a port in the link',
    labels: { 'homepage.href': 'http://nas.example.com:8096' },
    notes: ['homepage.href'],
  },
  {
    about: 'with an IPv6 address for a link',
    labels: { 'homepage.href': 'http://[fd00::1]/' },
    notes: ['homepage.href'],
  },
  { about: 'with a widget that asks somebody else', labels: { 'homepage.widget.url': 'http://192.168.1.10:8096' } },
  { about: 'with a link that is no URL', labels: { 'homepage.href': 'javascript:alert(1)' } },
  { about: 'with a description only', labels: { 'homepage.description': 'Media server' } },
]);

const webui = 'net.unraid.docker.webui';

testDialect(unraid, [
  {
    about: 'with the usual link',
    labels: { [webui]: 'http://[IP]:[PORT:8080]/', 'net.unraid.docker.icon': 'https://example.com/icon.png' },
    gaps: { protocol: 'http', port: 8080 },
  },
  {
    about: 'that speaks HTTPS',
    labels: { [webui]: 'https://[IP]:[PORT:8443]' },
    gaps: { protocol: 'https', port: 8443 },
  },
  {
    about: 'with a path in the link',
    labels: { [webui]: 'http://[IP]:[PORT:32400]/web/index.html' },
    gaps: { protocol: 'http', port: 32400 },
  },
  {
    about: 'with a query in the link',
    labels: { [webui]: 'http://[IP]:[PORT:80]?x=1' },
    gaps: { protocol: 'http', port: 80 },
  },
  { about: 'with a port of the machine', labels: { [webui]: 'http://[IP]:8080/' }, gaps: { protocol: 'http' } },
  { about: 'without a port', labels: { [webui]: 'http://[IP]/admin' }, gaps: { protocol: 'http' } },
  { about: 'with a fixed address', labels: { [webui]: 'http://192.168.1.10:8080/' }, notes: [webui] },
  {
    about: 'with a port out of range',
    labels: { [webui]: 'http://[IP]:[PORT:99999]/' },
    gaps: { protocol: 'http' },
    notes: [webui],
  },
  { about: 'with a script for a link', labels: { [webui]: 'javascript:alert(1)' }, notes: [webui] },
  { about: 'with an empty link', labels: { [webui]: '', 'net.unraid.docker.managed': 'dockerman' } },
  { about: 'with an icon only', labels: { 'net.unraid.docker.icon': 'https://example.com/icon.png' } },
]);
