// Whether an Access application lets a visitor in: its policies in Cloudflare's order. Pure.
import { type GateGroups, type GateRules, type GateVisitor, rulesMatch } from './rules.ts';

/** A policy of an application. */
export interface GatePolicy extends GateRules {
  readonly name: string;
  readonly decision: 'allow' | 'deny' | 'non_identity' | 'bypass';
  /** How long a login lasts (ms); the application's when left out. */
  readonly sessionMs?: number;
  /** It asks for something this edge cannot see to (a second factor, an approval): then it lets nobody in. */
  readonly isBeyondUs?: boolean;
}

/** What becomes of a visitor. */
export type Verdict =
  /** Nobody is asked who he is. */
  | { readonly kind: 'bypass'; readonly policy: string }
  /** A program, or somebody from the right place. */
  | { readonly kind: 'service'; readonly policy: string }
  | { readonly kind: 'allow'; readonly policy: string; readonly sessionMs: number | undefined }
  /** He has not logged in, and somebody who has may come in. */
  | { readonly kind: 'login' }
  | { readonly kind: 'deny'; readonly policy: string | undefined };

/**
 * Bypass and service-auth policies first, then, for whoever has logged in, allow and block in their order; nobody is let in by
 * default. What cannot be evaluated lets nobody in and blocks.
 */
export function decide(policies: readonly GatePolicy[], visitor: GateVisitor, groups: GateGroups): Verdict {
  const anonymous: GateVisitor = { ...visitor, identity: undefined };
  for (const policy of policies) {
    const { decision, name } = policy;
    if (policy.isBeyondUs === true) continue;
    if (decision === 'bypass' && rulesMatch(policy, withoutToken(anonymous), groups) === 'yes')
      return { kind: 'bypass', policy: name };
    if (decision === 'non_identity' && rulesMatch(policy, anonymous, groups) === 'yes')
      return { kind: 'service', policy: name };
  }
  return visitor.identity === undefined ? withoutLogin(policies) : afterLogin(policies, visitor, groups);
}

function afterLogin(policies: readonly GatePolicy[], visitor: GateVisitor, groups: GateGroups): Verdict {
  for (const policy of policies) {
    const { decision, name, sessionMs } = policy;
    if (decision !== 'allow' && decision !== 'deny') continue;
    const truth = rulesMatch(policy, visitor, groups);
    if (decision === 'allow' && truth === 'yes' && policy.isBeyondUs !== true)
      return { kind: 'allow', policy: name, sessionMs };
    if (decision === 'deny' && truth !== 'no') return { kind: 'deny', policy: name };
  }
  return { kind: 'deny', policy: undefined };
}

/** To ask for a login where none helps would be a lie. */
function withoutLogin(policies: readonly GatePolicy[]): Verdict {
  return policies.some(({ decision }) => decision === 'allow')
    ? { kind: 'login' }
    : { kind: 'deny', policy: undefined };
}

/** A bypass is for everybody alike: what a token would say of its bearer must not widen it. */
function withoutToken(visitor: GateVisitor): GateVisitor {
  return { ...visitor, serviceToken: undefined };
}
