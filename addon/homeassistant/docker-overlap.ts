// Containers that the Supervisor runs, seen through the Docker socket as well: they are its services, not Docker's. Pure.
import type { SourceResult } from '../../src/contracts.ts';
import type { Service } from '../../src/model.ts';

/** What the Supervisor is known to run; undefined before it answered. */
export interface Supervised {
  readonly slugs: ReadonlySet<string>;
  /** In its own network. */
  readonly addresses: ReadonlySet<string>;
}

/** Home Assistant and what helps it: DNS, audio, command line, multicast, observer, and the Supervisor itself. */
const ownNames = /^(?:homeassistant|hassio_[a-z_]+)$/;
/** Add-ons, by their old prefix and their new one. */
const addOnName = /^(?:addon|app)_(.+)$/;
/** What the Supervisor makes slugs of: a repository's digest, or one of two names. */
const slugShape = /^(?:[0-9a-f]{8}|core|local)_./;

/** What an engine lists, without what the Supervisor runs on it. */
export function withoutSupervised(listed: SourceResult, supervised: Supervised | undefined): SourceResult {
  const dropped = new Set<string>();
  for (const service of listed.services) if (isSupervised(service, supervised)) dropped.add(service.id);
  if (dropped.size === 0) return listed;
  return {
    services: listed.services.filter((service) => !dropped.has(service.id)),
    diagnostics: listed.diagnostics.filter(({ serviceId = '' }) => !dropped.has(serviceId)),
  };
}

/** A container's labels may claim another name, but not another address. */
function isSupervised(service: Service, supervised: Supervised | undefined): boolean {
  if (service.address !== undefined && supervised?.addresses.has(service.address) === true) return true;
  const name = service.id.slice(service.id.lastIndexOf('/') + 1);
  if (ownNames.test(name)) return true;
  const slug = addOnName.exec(name)?.[1];
  if (slug === undefined) return false;
  // An engine may show a new add-on before the Supervisor does.
  return slugShape.test(slug) || supervised?.slugs.has(slug) === true;
}
