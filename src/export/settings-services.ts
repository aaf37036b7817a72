// Services no label can describe, as the settings' `services:`. Pure.
import type { IngressEntry, OriginProtocol, Service } from '../model.ts';
import type { FileService } from '../sources/file.ts';
import { dnsLabel } from '../sources/hostname.ts';
import { ownOrigin } from './labels.ts';
import { withoutUser } from './service-url.ts';

/** One item for each entry of a service; `taken` are the names that are used already, and grows. */
export function settingsServices(
  service: Service,
  entries: readonly IngressEntry[],
  taken: Set<string>,
): readonly FileService[] {
  return entries.map((entry) => {
    const name = uniqueName(service.name, taken);
    return { name, ...originOf(service, entry), ...guardOf(entry) };
  });
}

function originOf(service: Service, { rule }: IngressEntry): Omit<FileService, 'name'> {
  const own = ownOrigin(service, rule.service);
  const names = {
    hostname: rule.hostname,
    ...(rule.path === undefined ? {} : { path: rule.path }),
    ...(service.hints.plugin === undefined ? {} : { plugin: service.hints.plugin }),
  };
  if (own === undefined || service.address === undefined) return { ...names, service: withoutUser(rule.service) };
  // The pattern of `ownOrigin` knows no others.
  const protocol = own.protocol as OriginProtocol;
  return { address: service.address, port: own.port, protocol, ...names };
}

function guardOf({ rule, access }: IngressEntry): Pick<FileService, 'access' | 'bypass' | 'origin'> {
  const bypass = access === 'public' ? [] : (access.bypassPaths ?? []);
  return {
    access: access === 'public' ? 'public' : access.policy,
    ...(bypass.length === 0 ? {} : { bypass }),
    ...(rule.originRequest === undefined ? {} : { origin: { ...rule.originRequest } }),
  };
}

/** As the settings want names; one that is used already gets a number. */
function uniqueName(text: string, taken: Set<string>): string {
  const base = /^[A-Za-z0-9][A-Za-z0-9._-]{0,55}$/.test(text) ? text : (dnsLabel(text) ?? 'service').slice(0, 56);
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
  taken.add(name);
  return name;
}
