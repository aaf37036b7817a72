// Why a change is in a plan, as a person reads it. Pure.
import { isDeepStrictEqual } from 'node:util';
import { shownUrl } from '../ingress/shown-url.ts';
import type { Change, Plan } from '../model.ts';

/** Names of what is closed and waits: it is there, and says so to visitors. */
const closedService = 'http_status:503';

/** The reason in a few words: what is missing, what differs and how, or why something goes. */
export function causeOf(target: Plan<unknown>['target'], change: Change<unknown>): string {
  if (change.action === 'create') return created(target, change.desired);
  if (change.action === 'delete') return deleted(target, change);
  if (field(change.desired, 'service') === closedService)
    return 'closed: its service is stopped or gone, or what guards it is not there';
  return change.fields.map((name) => difference(name, change)).join(', ');
}

function created(target: string, desired: unknown): string {
  if (field(desired, 'service') === closedService) return 'its name is known already, and must not lead anywhere yet';
  if (target === 'access') return 'nothing guards it yet';
  return target === 'dns' ? 'the name has no record yet' : 'the service wants this name, and there is no rule yet';
}

function deleted(target: string, change: Change<unknown> & { readonly action: 'delete' }): string {
  if (change.onlyMark === true) return 'it was released: only our mark goes';
  return target === 'access' ? 'nothing uses it any more' : 'no service wants this name any more';
}

function difference(
  name: string,
  { current, desired }: { readonly current: unknown; readonly desired: unknown },
): string {
  const before = field(current, name);
  const after = field(desired, name);
  if (isDeepStrictEqual(before, after)) return name === 'order' ? 'it stands where it is never reached' : name;
  return `${name}: ${shown(before)} → ${shown(after)}`;
}

/** A rule's fields are one level down. */
function field(object: unknown, name: string): unknown {
  const outer = (typeof object === 'object' && object !== null ? object : {}) as Record<string, unknown>;
  const rule = (typeof outer.rule === 'object' && outer.rule !== null ? outer.rule : {}) as Record<string, unknown>;
  return outer[name] ?? rule[name];
}

function shown(value: unknown): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'string') return shownUrl(value);
  const policy = typeof value === 'object' && value !== null ? (value as { policy?: unknown }).policy : undefined;
  return typeof policy === 'string' ? `policy ${policy}` : JSON.stringify(value).slice(0, 100);
}

/** What happens, in a word. */
export function actionOf(change: Change<unknown>): string {
  return change.action === 'delete' && change.onlyMark === true ? 'unmark' : change.action;
}

/** What an object is called and where it leads: rules, records and applications each have a name and a target of their own. */
export function nameOf(value: unknown): string {
  const object = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const rule = (object.rule ?? object) as Record<string, unknown>;
  const name = rule.hostname ?? object.name ?? object.domain ?? '';
  const leads = rule.service ?? object.content ?? '';
  return `${String(name)}${typeof rule.path === 'string' ? rule.path : ''}${leads === '' ? '' : ` → ${shownUrl(String(leads))}`}`;
}
