// Which decision about a changed rule is meant: from what was typed to the key it is kept under. Pure.
import type { Choices, DriftChoice } from '../choices.ts';
import { ValidationError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { normaliseHostname } from './hostname.ts';

/** A rule that was changed by hand, as far as it is named. */
export interface NamedRule {
  readonly hostname: string;
  readonly path?: string;
}

/** What was typed. */
export interface DriftTarget {
  /** `HOSTNAME` or `HOSTNAME/PATH`. */
  readonly name: string;
  /** The path as the rule has it, a regex. */
  readonly path?: string | undefined;
  /** Appended to a hostname without a dot. */
  readonly domain: string;
}

/** What is known to decide about. */
export interface Decidable {
  readonly drifted: readonly NamedRule[];
  readonly choices: Pick<Choices, 'drift'>;
}

/**
 * The key: `hostname` for all rules under it, or `hostname path`. Throws ValidationError for what is no hostname, and for what was
 * neither changed by hand nor decided about; `ignore` may come before there is anything to ignore.
 */
export function driftKey(target: DriftTarget, choice: DriftChoice, known: Decidable): string {
  const { hostname, path } = split(target);
  const keys = [...known.drifted.map(keyOf), ...Object.keys(known.choices.drift)];
  if (path === undefined) {
    if (choice === 'ignore' || keys.some((key) => key.split(' ', 1)[0] === hostname)) return hostname;
    throw unknown(hostname, keys);
  }
  // People type the path they see in the browser; the rule has a regex.
  const wanted = `${hostname} ${path}`;
  const found = [wanted, `${hostname} ^${path}`, `${hostname} ^${path}$`].find((key) => keys.includes(key));
  if (found === undefined && choice !== 'ignore') throw unknown(wanted, keys);
  return found ?? wanted;
}

/** The choices with this decision. "Mine" of a whole hostname takes back what was decided for its paths. */
export function decide(choices: Choices, key: string, choice: DriftChoice): Choices {
  const isBelow = (other: string) => other.startsWith(`${key} `);
  const others = Object.entries(choices.drift).filter(([other]) => !(choice === 'mine' && isBelow(other)));
  return { ...choices, drift: { ...Object.fromEntries(others), [key]: choice } };
}

/** The key a rule's own decision has. */
export function keyOf({ hostname, path }: NamedRule): string {
  return path === undefined || path === '' ? hostname : `${hostname} ${path}`;
}

function split({ name, path, domain }: DriftTarget): { readonly hostname: string; readonly path: string | undefined } {
  const slash = name.indexOf('/');
  const text = slash === -1 ? name : name.slice(0, slash);
  const hostname = normaliseHostname(/\../.test(text) ? text : `${text.replace(/\.$/, '')}.${domain}`);
  if (hostname === undefined) {
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: `"${text.slice(0, 80)}" is not a hostname DNS can hold`,
      hint: 'write it like wiki.example.com, or wiki.example.com/api for one path',
    });
  }
  const typed = slash === -1 || name.slice(slash) === '/' ? undefined : name.slice(slash);
  return { hostname, path: path === '' ? undefined : (path ?? typed) };
}

function unknown(key: string, keys: readonly string[]): ValidationError {
  const close = nearest(key, keys);
  return new ValidationError({
    code: 'E_INPUT_INVALID',
    message: `no rule for ${key.replace(' ', ' with path ')} was changed by hand`,
    hint: close === undefined ? 'see `sallyport drift`' : `did you mean ${close.replace(' ', ' --path ')}?`,
  });
}
