// From what somebody asked for a service to the choice that is kept. Pure.
import type { ServiceChoice } from '../choices.ts';
import { ValidationError } from '../errors.ts';
import type { ServiceId } from '../model.ts';
import { parseHostname } from '../sources/hostname.ts';
import type { WebProgram } from './program.ts';
import { notFound } from './refusal.ts';

/** What can be asked for a service. */
export type ServiceAction = 'expose' | 'hide' | 'ignore' | 'forget' | 'change';

/** How it is to be published. */
export interface ServiceWish {
  readonly hostname?: string;
  readonly access?: string;
  readonly bypassPaths?: readonly string[];
}

/** The choice after the action, given the one before; undefined where none is left. Throws ValidationError for a name that is none. */
export function chosen(
  action: ServiceAction,
  wish: ServiceWish,
): (old: ServiceChoice | undefined) => ServiceChoice | undefined {
  const wanted = checked(wish);
  switch (action) {
    case 'expose':
      return () => ({ enable: true, ...wanted });
    case 'change':
      return (old) => ({ ...old, ...wanted });
    case 'hide':
      return () => ({ enable: false });
    case 'ignore':
      return (old) => ({ ...old, ignored: true });
    case 'forget':
      return () => undefined;
  }
}

/** The id of a service that was found, or that something was chosen for. Throws a Refusal. */
export function serviceIdIn(id: string, program: Pick<WebProgram, 'snapshot' | 'choices'>): ServiceId {
  const found = program.snapshot()?.services.find((service) => service.id === id)?.id;
  const known = Object.keys(program.choices.read().services) as ServiceId[];
  const wanted = found ?? known.find((one) => one === id);
  if (wanted !== undefined) return wanted;
  throw notFound(`there is no service "${id.slice(0, 200)}"`, 'see /api/services');
}

function checked({ hostname, access, bypassPaths }: ServiceWish): ServiceWish {
  const name = hostname === undefined ? undefined : parseHostname(hostname);
  if (hostname !== undefined && name === undefined)
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: `"${hostname.slice(0, 80)}" is no hostname`,
      hint: 'write it like photos or photos.example.com',
    });
  return {
    ...(name === undefined ? {} : { hostname: name }),
    ...(access === undefined ? {} : { access }),
    ...(bypassPaths === undefined ? {} : { bypassPaths }),
  };
}
