// One thing somebody wants done: shown as a plan, or chosen, written down and carried out by a pass.
import type { Choices } from '../choices.ts';
import { AppError } from '../errors.ts';
import type { Diagnostic, ServiceId } from '../model.ts';
import type { Pass } from '../reconcile.ts';
import { type ServiceStatus, serviceStatuses } from '../status.ts';
import type { ActivityLog } from './activity.ts';
import type { WebProgram } from './program.ts';
import { type ChangeView, type HeldView, planFields, planView } from './views/plan.ts';
import { count, findingSchema, flag, type JsonSchema, listOf, shape, text } from './views/schema.ts';
import { optionalServiceFields, serviceFields } from './views/service.ts';

/** What is wanted. */
export interface Action {
  /** In a few words, for the activity log and the reason of the pass. */
  readonly what: string;
  readonly by: string;
  readonly isPlan: boolean;
  readonly serviceId?: ServiceId;
  /** What is to be chosen; absent where only a pass is wanted. */
  readonly change?: (choices: Choices) => Choices;
  readonly isConfirmed?: boolean;
}

/** What came of it, or would. */
export interface Acted {
  readonly isPlan: boolean;
  readonly revision: number;
  readonly serviceId?: string;
  /** The service afterwards; null where it is about none, or there is none any more. */
  readonly service: ServiceStatus | null;
  readonly changes: readonly ChangeView[];
  readonly held: readonly HeldView[];
  readonly areDeletesHeld: boolean;
  readonly problems: readonly Diagnostic[];
}

/** The schema's fields. */
export const actedFields: Readonly<Record<string, JsonSchema>> = {
  isPlan: flag,
  revision: count,
  serviceId: text,
  service: { ...shape(serviceFields, optionalServiceFields), type: ['object', 'null'] },
  ...planFields,
  problems: listOf(findingSchema),
};

/** Shows or does it. Rejects with an AppError, after which what was chosen stays chosen unless a label forbids it. */
export async function act(
  { program, activity }: { readonly program: WebProgram; readonly activity: ActivityLog },
  action: Action,
): Promise<Acted> {
  const { change = (choices) => choices, serviceId, what, by } = action;
  if (action.isPlan) {
    const foreseen = await program.foresee(change(program.choices.read()));
    refuseClosed(foreseen, change(program.choices.read()), serviceId);
    return outcome(program, action, foreseen);
  }
  const before = program.choices.read();
  const kept = action.change === undefined ? before : program.choices.update(change);
  const about = serviceId === undefined ? {} : { serviceId };
  activity.add({ kind: 'action', by, what, ...about });
  await program.pass(`${what}, asked for by ${by}`, action.isConfirmed === true);
  const pass = program.snapshot();
  try {
    refuseClosed(pass, kept, serviceId);
  } catch (error) {
    // A label that closes wins over everything: a choice that can never count would only surprise somebody later.
    if (serviceId !== undefined) program.choices.update((now) => withService(now, before, serviceId));
    throw error;
  }
  return outcome(program, action, pass);
}

function withService(now: Choices, before: Choices, id: ServiceId): Choices {
  const { [id]: _new, ...others } = now.services;
  const old = before.services[id];
  return { ...now, services: old === undefined ? others : { ...others, [id]: old } };
}

function refuseClosed(pass: Pick<Pass, 'services'> | undefined, choices: Choices, id: ServiceId | undefined): void {
  if (id === undefined || choices.services[id]?.enable !== true) return;
  if (pass?.services.find((service) => service.id === id)?.hints.enable !== false) return;
  throw new AppError({
    code: 'E_CONFLICT',
    message: `${id} says enable=false, and that wins over everything`,
    hint: 'take the label away, or change it there',
  });
}

type Seen = Pick<Pass, 'services' | 'entries' | 'desired' | 'diagnostics' | 'plans'>;

function outcome(program: WebProgram, { isPlan, serviceId }: Action, pass: Seen | undefined): Acted {
  const all = pass === undefined ? [] : serviceStatuses(pass);
  const service = all.find(({ id }) => id === serviceId);
  const general = (pass?.diagnostics ?? []).filter((one) => one.severity === 'error' && one.serviceId === undefined);
  return {
    isPlan,
    revision: program.status().revision,
    ...(serviceId === undefined ? {} : { serviceId }),
    service: service ?? null,
    ...planView(pass?.plans ?? []),
    problems: [...(service?.diagnostics ?? []), ...general],
  };
}
