// What a reader must know of where exported rules lead: a file stays as it is while containers come and go. Pure.
import type { IngressEntry, Service } from '../model.ts';
import { type Applied, placeOf } from './applied.ts';
import { ownOrigin } from './labels.ts';

/** Lines for a comment; none where every origin stays where it is. */
export function originNotes({ entries, services }: Pick<Applied, 'entries' | 'services'>): readonly string[] {
  const byId = new Map(services.map((service) => [service.id, service]));
  const stopped = entries.filter((entry) => byId.get(entry.serviceId)?.state === 'stopped');
  const moving = entries.some((entry) => isContainerAddress(entry, byId.get(entry.serviceId)));
  return [
    ...(moving
      ? ['', 'Containers are named by the addresses they have now; after a restart they may have others.']
      : []),
    ...(stopped.length === 0 ? [] : ['', 'Stopped now, so these answer 503 in this file:', ...stopped.map(line)]),
  ];
}

function line(entry: IngressEntry): string {
  return `- ${placeOf(entry)}`;
}

/** A published port is reached at an address of the machine, which stays. */
function isContainerAddress(entry: IngressEntry, service: Service | undefined): boolean {
  if (service?.source !== 'docker') return false;
  const own = ownOrigin(service, entry.rule.service);
  return own !== undefined && !service.ports.some(({ number, target }) => number === own.port && target !== undefined);
}
