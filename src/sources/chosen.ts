// What a person chose for single services, laid over what their labels say. Pure.
import type { ServiceChoice } from '../choices.ts';
import type { Service, ServiceHints, ServiceId } from '../model.ts';

/** The services with what was chosen for them. A label that says `enable=false` wins over every choice. */
export function applyChoices(
  services: readonly Service[],
  choices: Readonly<Record<ServiceId, ServiceChoice>>,
): readonly Service[] {
  if (Object.keys(choices).length === 0) return services;
  return services.map((service) => {
    const choice = Object.hasOwn(choices, service.id) ? choices[service.id] : undefined;
    return choice === undefined ? service : { ...service, hints: choose(service.hints, choice) };
  });
}

/** A choice is the operator's own word, so it may ask for what a label may not. */
function choose(hints: ServiceHints, choice: ServiceChoice): ServiceHints {
  const { enable, hostname, access, bypassPaths } = choice;
  const chosen = {
    ...(access === undefined ? {} : { access: true }),
    ...(bypassPaths === undefined ? {} : { bypassPaths: true }),
  };
  return {
    ...hints,
    ...(enable === undefined || hints.enable === false ? {} : { enable }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(access === undefined ? {} : { access }),
    ...(bypassPaths === undefined ? {} : { bypassPaths }),
    ...(Object.keys(chosen).length === 0 ? {} : { chosen }),
  };
}
