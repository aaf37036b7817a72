// Thirty add-ons as the Supervisor shows them, through the client and the source: what each becomes, and which rule it would get.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { builtinPlugins } from '../../../src/app/discovery.ts';
import type { SourceResult } from '../../../src/contracts.ts';
import { createSilentLogger } from '../../../src/logger.ts';
import type { ServiceId } from '../../../src/model.ts';
import { loadPlugins } from '../../../src/plugin/load.ts';
import { type Routed, routeServices } from '../../../src/plugin/route.ts';
import { applyChoices } from '../../../src/sources/chosen.ts';
import { type FakeSupervisor, startFakeSupervisor } from '../../fakes/supervisor.ts';
import { addOns } from './manifests.ts';
import { sourceOf } from './source.ts';

const closed = (ports: string) => `keeps its port${ports} closed`;
const inside = 'cannot be published by itself: its page is only shown inside Home Assistant, whose login it relies on';

/** By slug: where its rule leads when somebody publishes it, or why it gets none. The host is 172.30.32.1. */
const table: Readonly<Record<string, string>> = {
  core: 'http://172.30.32.1:8123',
  // Its page speaks TLS unless the option ssl says otherwise; on the host's network the host's port counts.
  a0d7b954_nodered: 'https://172.30.32.1:1880 unverified',
  '5c53de3b_esphome': closed(' 6052'),
  // The open port is for socat, and its author says so.
  '45df7312_zigbee2mqtt': closed(' 8099'),
  core_mosquitto: 'has several ports and none is plain: 1883, 1884, 8883, 8884',
  core_configurator: inside,
  a0d7b954_vscode: inside,
  core_samba: 'opens no port',
  a0d7b954_ssh: inside,
  a0d7b954_grafana: closed(' 80'),
  a0d7b954_influxdb: closed(' 80'),
  a0d7b954_adguard: 'http://172.30.32.1:8083',
  // What is open is WebRTC; of its two pages the one with a login is named.
  ccab4aaf_frigate: closed(' 8971'),
  a0d7b954_bitwarden: 'https://a0d7b954-bitwarden:7277 unverified',
  a0d7b954_nginxproxymanager: 'http://a0d7b954-nginxproxymanager:81',
  core_mariadb: closed(' 3306'),
  a0d7b954_phpmyadmin: closed(' 80'),
  core_matter_server: closed(' 5580'),
  d5369777_music_assistant: inside,
  core_piper: closed(' 10200'),
  core_whisper: closed(' 10300'),
  core_openwakeword: closed(' 10400'),
  core_duckdns: 'opens no port',
  a0d7b954_tailscale: inside,
  a0d7b954_plex: 'http://a0d7b954-plex:32400',
  // The same page with TLS and without.
  db21ed7f_jellyfin: 'http://172.30.32.1:8096',
  // Not the port it has on the host: in the Supervisor's network it answers on its own.
  db21ed7f_portainer: 'http://db21ed7f-portainer:9099',
  cebe7a76_hassio_google_drive_backup: 'http://cebe7a76-hassio-google-drive-backup:1627',
  core_deconz: closed('s 40850, 5900, 8081'),
  a0d7b954_zwavejs2mqtt: inside,
  a0d7b954_unifi: 'https://a0d7b954-unifi:8443 unverified',
};

/** Those whose page Home Assistant shows and nothing else can: told without being asked. */
const told = Object.keys(table).filter((slug) =>
  addOns.some((one) => one.slug === slug && one.manifest.ingress === true),
);

describe('thirty add-ons', () => {
  let supervisor: FakeSupervisor;
  let listed: SourceResult;
  let routed: Routed;

  before(async () => {
    supervisor = await startFakeSupervisor();
    supervisor.install(...addOns);
    listed = await sourceOf(supervisor).list(AbortSignal.timeout(30_000));
    routed = await publishAll(listed);
  });
  after(() => supervisor.close());

  test('are all there, with Home Assistant and without ourselves', () => {
    assert.deepEqual(
      listed.services.map(({ id }) => id),
      ['core', ...addOns.map(({ slug }) => slug)].map((slug) => `homeassistant/${slug}`),
    );
    assert.deepEqual(Object.keys(table).toSorted(), ['core', ...addOns.map(({ slug }) => slug)].toSorted());
  });

  test('nothing is published unless somebody asks for it', () => {
    assert.deepEqual(
      listed.services.filter(({ hints }) => Object.keys(hints).length > 0),
      [],
    );
  });

  for (const [slug, expected] of Object.entries(table)) {
    test(`${slug}: ${expected}`, () => {
      const id = `homeassistant/${slug}`;
      const entries = routed.entries.filter(({ serviceId }) => serviceId === id);
      const problems = routed.diagnostics.filter(({ serviceId, severity }) => serviceId === id && severity === 'error');
      const name = listed.services.find((service) => service.id === id)?.name;
      const rules = entries.map(({ rule }) => {
        const isUnverified = rule.originRequest?.noTLSVerify === true;
        return `${rule.service}${isUnverified ? ' unverified' : ''}`;
      });
      assert.deepEqual([...rules, ...problems.map(({ message }) => message.replace(`${name} `, ''))], [expected]);
    });
  }

  const known = [
    ['core', 'home-assistant'],
    ['a0d7b954_nodered', 'node-red'],
    ['a0d7b954_bitwarden', 'vaultwarden'],
    ['a0d7b954_unifi', 'unifi'],
    ['db21ed7f_portainer', 'portainer'],
    ['db21ed7f_jellyfin', 'jellyfin'],
  ];
  for (const [slug, plugin] of known) {
    test(`${slug} is known to the catalogue as ${plugin}`, () => {
      const entry = routed.entries.find(({ serviceId }) => serviceId === `homeassistant/${slug}`);
      assert.equal(entry?.plugin, plugin);
    });
  }

  test('an add-on that is only shown inside Home Assistant is told as such, and no other', () => {
    const reached = new Set(routed.entries.map(({ serviceId }) => serviceId));
    const unreached = told.map((slug) => `homeassistant/${slug}`).filter((id) => !reached.has(id as ServiceId));
    assert.deepEqual(
      listed.diagnostics.map(({ severity, code, serviceId }) => `${severity} ${code} ${serviceId}`).toSorted(),
      unreached.map((id) => `info W_INGRESS_ONLY ${id}`).toSorted(),
    );
  });
});

/** What would come of everything being chosen, with a policy of its own. */
async function publishAll({ services }: SourceResult): Promise<Routed> {
  const catalogue = await loadPlugins({ builtinDir: builtinPlugins, allowCode: false, logger: createSilentLogger() });
  const choice = { enable: true, access: 'family' };
  const choices: Record<ServiceId, typeof choice> = Object.fromEntries(services.map(({ id }) => [id, choice]));
  return routeServices(applyChoices(services, choices), catalogue, {
    domain: 'example.com',
    expose: 'labelled',
    accessDefault: undefined,
    policies: new Set(['family']),
    loopbackOnly: false,
    allow: { public: false, noTlsVerify: false, otherOrigins: false },
    previous: [],
  });
}
