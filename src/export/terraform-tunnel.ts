// The tunnel, its rules and its names as Terraform blocks. Pure.
import type { RemoteRule } from '../cloudflare/configurations.ts';
import type { ApiRecord } from '../cloudflare/dns.ts';
import { formatMark } from '../dns/ownership.ts';
import type { Owner } from '../model.ts';
import { type Block, Expression, type HclObject, type HclValue, toHcl } from './hcl.ts';
import { importBlock } from './terraform-import.ts';
import { createNames } from './terraform-names.ts';
import type { TerraformWorld } from './terraform-world.ts';

const tunnelType = 'cloudflare_zero_trust_tunnel_cloudflared';
const configType = 'cloudflare_zero_trust_tunnel_cloudflared_config';
const recordType = 'cloudflare_dns_record';
const tunnelId = new Expression(`${tunnelType}.tunnel.id`);

/** The tunnel itself; never made again for a field that only says how it was made. */
export function tunnelBlocks(world: TerraformWorld): readonly Block[] {
  const { tunnel, account } = world;
  const address = `${tunnelType}.tunnel`;
  return [
    ...(tunnel === undefined ? [] : [importBlock(address, `${account}/${tunnel.id}`)]),
    {
      type: 'resource',
      labels: [tunnelType, 'tunnel'],
      body: {
        account_id: new Expression('var.account_id'),
        name: tunnel?.name ?? 'sallyport',
        config_src: 'cloudflare',
      },
      blocks: [
        {
          type: 'lifecycle',
          body: {
            ignore_changes: [new Expression('config_src'), new Expression('tunnel_secret')],
            prevent_destroy: true,
          },
        },
      ],
    },
  ];
}

/** The rules, and what of them the resource has no attribute for. */
export function configurationBlocks(world: TerraformWorld): {
  readonly blocks: readonly Block[];
  readonly lost: readonly string[];
} {
  const lost = new Set<string>();
  const { configuration, tunnel, account } = world;
  const ingress = (configuration.ingress ?? []).map((rule) => ruleValue(rule, lost));
  const general = originValue(configuration.originRequest, 'every rule', lost);
  for (const key of Object.keys(configuration)) {
    if (key !== 'ingress' && key !== 'originRequest') lost.add(`the tunnel's ${key}`);
  }
  const address = `${configType}.tunnel`;
  const isThere = tunnel !== undefined && world.isConfigurationThere;
  const block: Block = {
    type: 'resource',
    labels: [configType, 'tunnel'],
    body: {
      account_id: new Expression('var.account_id'),
      tunnel_id: tunnelId,
      config: { ingress, ...(general === undefined ? {} : { origin_request: general }) },
    },
    ...(isThere ? {} : { comment: newConfiguration }),
  };
  return {
    blocks: [...(isThere ? [importBlock(address, `${account}/${tunnel.id}`)] : []), block],
    lost: [...lost],
  };
}

const newConfiguration = [
  "Until now the rules live in sallyport's own connector. Applying this hands them to the API for good:",
  'from then on every connector of the tunnel gets them from there.',
];

/** One record per name. */
export function recordBlocks(world: TerraformWorld): readonly Block[] {
  const nameOf = createNames();
  return world.records.flatMap(({ found, registry, zoneId, record }): readonly Block[] => {
    const name = nameOf(record.name);
    const zone_id = new Expression(`var.zone_ids[${JSON.stringify(zoneKey(record.zone, world))}]`);
    const body: HclObject = {
      zone_id,
      name: record.name,
      type: record.type,
      content: new Expression(`"\${${tunnelId.text}}.cfargotunnel.com"`),
      proxied: record.proxied,
      ttl: 1,
      ...commentOf(found, record.owner),
    };
    return [
      ...(found === undefined ? [] : [importBlock(`${recordType}.${name}`, `${zoneId}/${found.id}`)]),
      { type: 'resource', labels: [recordType, name], body },
      ...registry.flatMap((one) => registryBlocks(one, nameOf(one.name), zoneId, zone_id)),
    ];
  });
}

/** The TXT record that says whose the other one is. */
function registryBlocks(
  { id, name, content = '', comment }: ApiRecord,
  resource: string,
  zoneId: string,
  zone_id: Expression,
): readonly Block[] {
  const remark = comment === undefined || comment === null || comment === '' ? {} : { comment };
  return [
    importBlock(`${recordType}.${resource}`, `${zoneId}/${id}`),
    {
      type: 'resource',
      labels: [recordType, resource],
      body: { zone_id, name, type: 'TXT', content, ttl: 1, ...remark },
    },
  ];
}

/** The comment that is there, whatever it says; on a new record our mark. */
function commentOf(found: ApiRecord | undefined, owner: Owner | undefined): HclObject {
  const comment = found === undefined ? owner && formatMark(owner) : found.comment;
  return comment === undefined || comment === null || comment === '' ? {} : { comment };
}

/** Zones are DNS names: nothing in one could end a string. */
function zoneKey(zone: string, world: TerraformWorld): string {
  const found = world.zones.find(({ name }) => name === zone.toLowerCase().replace(/\.$/, ''));
  if (found === undefined || !/^[a-z0-9._-]+$/.test(found.name)) throw new RangeError('a record lies in a known zone');
  return found.name;
}

function ruleValue(rule: RemoteRule, lost: Set<string>): HclObject {
  const { hostname, path, service, originRequest } = rule;
  const place = hostname === undefined || hostname === '' ? 'the last rule' : `${hostname}${path ?? ''}`;
  const origin = originValue(originRequest, place, lost);
  return {
    ...(hostname === undefined || hostname === '' ? {} : { hostname }),
    ...(path === undefined || path === '' ? {} : { path }),
    service,
    ...(origin === undefined ? {} : { origin_request: origin }),
  };
}

/** cloudflared's keys and the resource's. */
const originKeys: Readonly<Record<string, string>> = {
  caPool: 'ca_pool',
  connectTimeout: 'connect_timeout',
  disableChunkedEncoding: 'disable_chunked_encoding',
  http2Origin: 'http2_origin',
  httpHostHeader: 'http_host_header',
  keepAliveConnections: 'keep_alive_connections',
  keepAliveTimeout: 'keep_alive_timeout',
  matchSNItoHost: 'match_sn_ito_host',
  noHappyEyeballs: 'no_happy_eyeballs',
  noTLSVerify: 'no_tls_verify',
  originServerName: 'origin_server_name',
  proxyType: 'proxy_type',
  tcpKeepAlive: 'tcp_keep_alive',
  tlsTimeout: 'tls_timeout',
};

function originValue(originRequest: unknown, place: string, lost: Set<string>): HclObject | undefined {
  if (typeof originRequest !== 'object' || originRequest === null) return undefined;
  const attributes: [string, HclValue][] = [];
  for (const [key, value] of Object.entries(originRequest)) {
    const name = Object.hasOwn(originKeys, key) ? originKeys[key] : undefined;
    // Durations are whole seconds there.
    const converted = typeof value === 'number' ? Math.ceil(value) : toHcl(value);
    if (converted === undefined) continue;
    if (name !== undefined) attributes.push([name, converted]);
    else if (key === 'access') attributes.push(['access', accessValue(value)]);
    else lost.add(`${key} of ${place}`);
  }
  return attributes.length === 0 ? undefined : Object.fromEntries(attributes);
}

function accessValue(value: unknown): HclObject {
  const { required, teamName, audTag } = value as Readonly<Record<string, unknown>>;
  return {
    ...(typeof required === 'boolean' ? { required } : {}),
    team_name: typeof teamName === 'string' ? teamName : '',
    aud_tag: Array.isArray(audTag) ? audTag.filter((tag) => typeof tag === 'string') : [],
  };
}
