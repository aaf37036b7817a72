// What is said of applications that are not made: whose they are, what is wrong with their policy, and how to mend it. Pure.
import type { Diagnostic } from '../model.ts';
import { nobody } from './ownership.ts';
import { isWithin, normalPlace, splitPlace } from './places.ts';
import type { PolicyProblem, PolicyRules } from './policy-rules.ts';
import { type FoundApplication, isSameSet, otherInstance } from './remote.ts';
import type { AccessPlanInputs, Wanted } from './wanted.ts';

/** A public place that somebody else's wildcard locks. */
export function decidedByOthers({ application, services }: Wanted, other: FoundApplication): Diagnostic {
  const [serviceId = nobody] = services;
  return {
    severity: 'warning',
    code: 'E_CONFLICT',
    message: `an Access application that is not ours (${named(other)}) decides who may see ${application.domain}, which is public`,
    hint: `add ${application.domain} to the exceptions you made by hand, or adopt that application`,
    serviceId,
  };
}

/** What stays of an application whose name was given away: nothing is made or changed, and nothing is opened that is not locked as asked. */
export function left(
  base: Wanted,
  rules: readonly PolicyRules[] | PolicyProblem,
  others: readonly FoundApplication[],
): Pick<Wanted, 'reason' | 'problems'> {
  const { application, found, services } = base;
  const there = found ?? others[0];
  const names = 'problem' in rules ? [] : rules.map((one) => one.name);
  if (there !== undefined && names.length > 0 && isSameSet(there.policies, names)) return { problems: [] };
  const { host } = splitPlace(application.domain);
  const what = there === undefined ? 'nothing locks it' : `what locks it (${named(there)}) is not what was asked for`;
  const reason = `${host} was released, and ${what}`;
  const hint = `run \`sallyport adopt ${host}\`, or choose another hostname`;
  return {
    reason: `${reason}: ${hint}`,
    problems: services.map((serviceId) => ({
      severity: 'error',
      code: 'E_CONFLICT',
      message: reason,
      hint,
      serviceId,
    })),
  };
}

/** A policy that cannot be applied closes whoever relies on it. */
export function unresolved(
  { application, services }: Wanted,
  { problem, hint }: PolicyProblem,
): Pick<Wanted, 'reason' | 'problems'> {
  const message = `${application.domain} stays closed: ${problem}`;
  return {
    reason: `${problem}: the service stays closed`,
    problems: services.map((serviceId) => ({ severity: 'error', code: 'E_NO_POLICY', message, hint, serviceId })),
  };
}

/** Somebody else has an application on the place. */
export function conflict(
  { application, services, isBypass }: Wanted,
  other: FoundApplication,
  obstacle: string | undefined,
): Pick<Wanted, 'reason' | 'problems'> {
  const { domain } = application;
  const instance = otherInstance(other);
  const whose = instance === undefined ? 'is not ours' : `belongs to the instance with the tag ${instance}`;
  const why = obstacle === undefined ? '' : `, and it cannot be adopted: ${obstacle}`;
  const reason = `an Access application for ${domain} exists (${named(other)}) and ${whose}${why}`;
  const adopt = obstacle === undefined ? `take it over with \`sallyport adopt ${splitPlace(domain).host}\`, ` : '';
  const hint = `${adopt}delete it, or choose another hostname`;
  const severity = isBypass ? 'warning' : 'error';
  return {
    // What somebody else decided about that path stands; the rest of the host keeps its lock.
    ...(isBypass ? {} : { reason: `${reason}: ${hint}` }),
    problems: services.map((serviceId) => ({ severity, code: 'E_CONFLICT', message: reason, hint, serviceId })),
  };
}

/** Applications of others within our hosts: they decide there, which users should know. */
export function innerForeign(wanted: readonly Wanted[], { remote, desired }: AccessPlanInputs): readonly Diagnostic[] {
  const locks = wanted.filter(({ isReady, isBypass }) => isReady && !isBypass);
  const hosts = new Map(locks.map((one) => [splitPlace(one.application.domain).host, one]));
  const places = new Set(desired.accessApplications.map(({ domain }) => normalPlace(domain)));
  const adopted = new Set(wanted.flatMap(({ found, isAdoption }) => (isAdoption ? (found?.id ?? []) : [])));
  return remote.foreign.flatMap((application) =>
    application.places.flatMap((place): Diagnostic[] => {
      const ours = hosts.get(splitPlace(place).host);
      if (ours === undefined || adopted.has(application.id)) return [];
      if (places.has(normalPlace(place)) || !isWithin(place, ours.application.domain)) return [];
      const message = `an Access application that is not ours (${named(application)}) decides who may see ${place}`;
      const hint = 'delete it if the policy of the service should decide there too';
      return ours.services.map((serviceId) => ({ severity: 'warning', code: 'E_CONFLICT', message, hint, serviceId }));
    }),
  );
}

function named({ name }: FoundApplication): string {
  return `"${name.slice(0, 80)}"`;
}
