// Who may see an entry: what was asked for, what the settings allow a label to ask for, and how careful the app wants one to be. Pure.
import { bypassesAll } from '../ingress/bypass-path.ts';
import type { AccessSpec, Service, ServiceHints } from '../model.ts';
import { nearest } from '../nearest.ts';
import { peopleName } from '../settings/people.ts';
import type { Sensitivity } from './catalogue.ts';
import { type Finding, noPolicy, notAllowed } from './findings.ts';

/** What of the settings the decision depends on. */
export interface AccessContext {
  /** `public`, a policy's name, or undefined for none. */
  readonly accessDefault: string | undefined;
  readonly policies: ReadonlySet<string>;
  /** Nobody but this machine can reach the edge, so `public` means "this machine". */
  readonly loopbackOnly: boolean;
  readonly allow: { readonly public: boolean; readonly people?: boolean };
}

/** The access of an entry and what was taken away from it, or the reason there is no entry. */
export type AccessDecision =
  | { readonly access: AccessSpec | 'public'; readonly findings: readonly Finding[] }
  | { readonly refused: Finding };

/** Sources whose services the operator wrote; every other one passes on what anyone may have written. */
export function isOperators(service: Service): boolean {
  return service.source === 'file' || service.source === 'builtin';
}

/** Decides for one entry; whatever is in doubt is refused. */
export function decideAccess(
  service: Service,
  hints: ServiceHints,
  sensitivity: Sensitivity,
  context: AccessContext,
): AccessDecision {
  const requested = hints.access ?? context.accessDefault;
  if (requested === undefined || requested === 'none')
    return refuse(noPolicy(service, 'no access policy applies', 'set access.default, or name a policy on the service'));
  if (requested === 'public') return decidePublic(service, hints, sensitivity, context);
  const isNamed = context.policies.has(requested);
  const policy = isNamed ? requested : peopleName(requested);
  if (policy === undefined) return refuse(unknownPolicy(service, requested, context));
  const refusal = isNamed ? undefined : refusedPeople(service, hints, context);
  if (refusal !== undefined) return refuse(refusal);
  if (sensitivity === 'never' && hints.access === undefined)
    return refuse(
      noPolicy(service, 'this app is not meant for the internet', 'name a policy on the service itself if it must be'),
    );
  const bypass = allowedBypass(service, hints, context);
  const bypassPaths = bypass.paths.length === 0 ? {} : { bypassPaths: bypass.paths };
  return { access: { policy, ...bypassPaths }, findings: bypass.findings };
}

function decidePublic(
  service: Service,
  hints: ServiceHints,
  sensitivity: Sensitivity,
  context: AccessContext,
): AccessDecision {
  const written = hints.access === 'public';
  if (hints.guarded !== undefined && !written)
    return refuse(noPolicy(service, `${hints.guarded}, and here no policy would`, 'name a policy on the service'));
  if (
    written &&
    hints.chosen?.access !== true &&
    !isOperators(service) &&
    !context.allow.public &&
    context.accessDefault !== 'public'
  )
    return refuse(notAllowed(service, 'its label asks to be public, which is held', 'labels.allow.public', 'error'));
  if (sensitivity === 'never')
    return refuse(
      noPolicy(service, 'this app is never public', 'name a policy on the service itself if it must be reachable'),
    );
  if (sensitivity === 'admin' && !written && !context.loopbackOnly)
    return refuse(
      noPolicy(
        service,
        'whoever reaches this app controls it, and no policy guards it',
        'name a policy on the service',
      ),
    );
  return { access: 'public', findings: [] };
}

/** Whoever writes a label could let himself in: people are for the operator to name, unless the settings say otherwise. */
function refusedPeople(service: Service, hints: ServiceHints, context: AccessContext): Finding | undefined {
  const isLabel = hints.access !== undefined && hints.chosen?.access !== true && !isOperators(service);
  // Where everybody is let in by default, naming people only locks.
  if (!isLabel || context.allow.people === true || context.accessDefault === 'public') return undefined;
  return notAllowed(service, 'its label names who may come in, which is held', 'labels.allow.people', 'error');
}

function unknownPolicy(service: Service, requested: string, context: AccessContext): Finding {
  const known = [...context.policies, 'public'];
  const close = nearest(requested, known);
  const hint = close === undefined ? `policies are ${known.slice(0, 20).join(', ')}` : `did you mean ${close}?`;
  return noPolicy(service, `there is no policy "${requested}"`, hint);
}

/** A bypass of everything is `public` by another name. */
function allowedBypass(
  service: Service,
  hints: ServiceHints,
  context: AccessContext,
): { paths: readonly string[]; findings: readonly Finding[] } {
  const paths = hints.bypassPaths ?? [];
  const isFree = hints.chosen?.bypassPaths === true || isOperators(service) || context.allow.public;
  if (isFree || !paths.some(bypassesAll)) return { paths, findings: [] };
  const what = 'its label lets everything pass without login, which is held';
  return { paths: [], findings: [notAllowed(service, what, 'labels.allow.public', 'warning')] };
}

function refuse(refused: Finding): AccessDecision {
  return { refused };
}
