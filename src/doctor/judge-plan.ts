// What the next pass would change for one name says what is not as it should be now. Pure.
import { closedService } from '../ingress/closing.ts';
import type { Change, HeldChange, IngressEntry, Plan } from '../model.ts';
import { type Check, failed, passed, type Step, skipped, warned } from './check.ts';

const stepOf = { dns: 'dns', access: 'access', ingress: 'rule' } as const;
const words = { dns: 'DNS record', access: 'Access application', ingress: 'rule' } as const;

/** One check per target, for one entry. */
export function judgePlans(plans: readonly Plan<unknown>[], entry: IngressEntry): readonly Check[] {
  return plans.map((plan) => judgePlan(plan, entry));
}

function judgePlan(plan: Plan<unknown>, entry: IngressEntry): Check {
  const step: Step = stepOf[plan.target];
  const thing = words[plan.target];
  if (plan.target === 'access' && entry.access === 'public') return skipped('access', 'public: nothing locks it');
  const isAbout = (change: Change<unknown>) =>
    change.serviceId === entry.serviceId && names(change, entry.rule.hostname);
  const held = plan.held.find((one: HeldChange<unknown>) => isAbout(one.change));
  if (held !== undefined) return failed(step, `its ${thing} is held: ${held.reason}`, 'see `sallyport plan`');
  const change = plan.changes.find(isAbout);
  if (change === undefined) return passed(step, `its ${thing} is as it should be`);
  if (isWaiting(change)) return warned(step, `its ${thing} answers 503 until the service takes connections`);
  const state = change.action === 'create' ? 'is not there yet' : 'is not as it should be';
  return failed(
    step,
    `its ${thing} ${state}`,
    'the next pass of `sallyport run` writes it; `sallyport apply` does so now',
  );
}

/** A rule that is closed and would be opened: the program waits for the origin, and so does whoever looks for the cause. */
function isWaiting(change: Change<unknown>): boolean {
  if (change.action !== 'update') return false;
  const { rule } = change.current as { readonly rule?: { readonly service?: string } };
  return rule?.service === closedService;
}

/** Whether a change is about a name: a record's, a rule's, an application's with or without a path. Objects without one concern all. */
function names(change: Change<unknown>, hostname: string): boolean {
  const object = (change.action === 'delete' ? change.current : change.desired) as {
    readonly name?: string;
    readonly domain?: string;
    readonly type?: string;
    readonly rule?: { readonly hostname?: string };
  };
  if (object.rule !== undefined) return object.rule.hostname === hostname;
  if (object.domain !== undefined) return object.domain === hostname || object.domain.startsWith(`${hostname}/`);
  return object.type === undefined || object.name === hostname;
}
