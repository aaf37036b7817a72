// The labels of SWAG's auto-proxy mod.
import { swag } from '../../../src/sources/dialects/swag.ts';
import { testDialect } from './reading.ts';

const on = { swag: 'enable' };

testDialect(swag, [
  { about: 'that is just enabled', labels: on, entries: [{}] },
  {
    about: 'with a name, a port and a protocol',
    labels: { ...on, swag_url: 'app.example.com', swag_port: '8443', swag_proto: 'https' },
    entries: [{ hostname: 'app.example.com', port: 8443, protocol: 'https' }],
  },
  { about: 'with a name in any domain', labels: { ...on, swag_url: 'radarr.*' }, entries: [{ hostname: 'radarr' }] },
  {
    about: 'with several names',
    labels: { ...on, swag_url: 'a.example.com b.example.com' },
    entries: [{ hostname: 'a.example.com' }],
    notes: ['swag_url'],
  },
  {
    about: 'with its own name for an address',
    labels: { ...on, swag_address: 'app', swag_port: '7878' },
    entries: [{ port: 7878 }],
  },
  {
    about: 'with another address',
    labels: { ...on, swag_address: '192.168.1.10', swag_port: '7878' },
    entries: [{ service: 'http://192.168.1.10:7878' }],
  },
  {
    about: 'with a login and paths without it',
    labels: { ...on, swag_auth: 'authelia', swag_auth_bypass: '/api,/feed' },
    entries: [{ guarded: 'SWAG\'s login "authelia" guards it', bypassPaths: ['/api', '/feed'] }],
    notes: ['swag_auth'],
  },
  {
    about: 'with paths that are none',
    labels: { ...on, swag_auth: 'http', swag_auth_bypass: 'api' },
    entries: [{ guarded: 'SWAG\'s login "http" guards it' }],
    notes: ['swag_auth', 'swag_auth_bypass'],
  },
  {
    about: 'with a directive that may keep visitors out',
    labels: { ...on, swag_server_custom_directive: 'deny all;' },
    entries: [{ guarded: 'a directive of nginx may guard it' }],
    notes: ['swag_server_custom_directive'],
  },
  {
    about: 'with a preset and other mods',
    labels: { ...on, swag_preset_conf: 'radarr', swag_ondemand: 'enable' },
    entries: [{}],
    notes: ['swag_preset_conf'],
  },
  { about: 'that is switched off', labels: { swag: 'disable', swag_port: '80' }, off: 'swag' },
  { about: 'with labels and no switch', labels: { swag_port: '80' } },
  {
    about: 'whose switch says true, which the mod does not take',
    labels: { swag: 'true' },
    off: 'swag',
    notes: ['swag'],
  },
]);
