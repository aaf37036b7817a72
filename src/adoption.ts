// Names a person took over or gave away: asking the choices, and changing them. Pure.
import type { Choices } from './choices.ts';
import { ValidationError } from './errors.ts';

/** What was decided about hostnames, in lower case and without a final dot; a wildcard is a name of its own. */
export interface NameDecisions {
  /** What somebody else made under this name is ours from now on, where a service wants the name. */
  isAdopted(hostname: string): boolean;
  /** What is under this name is somebody else's from now on: our marks go, and nothing is changed. */
  isReleased(hostname: string): boolean;
}

/** As many names as can be adopted, and as many released. */
export const maxDecisions = 10_000;

/** The decisions among the choices. */
export function nameDecisions({ adopted, released }: Pick<Choices, 'adopted' | 'released'>): NameDecisions {
  const ours = new Set(adopted);
  const theirs = new Set(released);
  return {
    // A file edited by hand may hold a name twice: giving away wins, because it changes nothing.
    isAdopted: (hostname) => ours.has(hostname) && !theirs.has(hostname),
    isReleased: (hostname) => theirs.has(hostname),
  };
}

/** The choices with this name adopted. Throws ValidationError when there are too many. */
export function adoptName(choices: Choices, hostname: string): Choices {
  return { ...choices, adopted: added(choices.adopted, hostname), released: without(choices.released, hostname) };
}

/** The choices with this name released. Throws ValidationError when there are too many. */
export function releaseName(choices: Choices, hostname: string): Choices {
  return { ...choices, adopted: without(choices.adopted, hostname), released: added(choices.released, hostname) };
}

function added(names: readonly string[], name: string): readonly string[] {
  if (names.includes(name)) return names;
  if (names.length < maxDecisions) return [...names, name];
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message: `${maxDecisions} names are decided about already`,
    where: name,
    hint: 'remove names nobody uses any more from choices.json in the data directory',
  });
}

function without(names: readonly string[], name: string): readonly string[] {
  return names.filter((other) => other !== name);
}
