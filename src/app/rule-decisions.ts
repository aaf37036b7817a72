// What a person decided about the rules, and what we remember writing of them, for whoever reconciles them here.
import { createChoiceStore } from '../choices.ts';
import { AppError } from '../errors.ts';
import { createRuleMemory, lookAtRuleMemory } from '../ingress/drift-memory.ts';
import { withoutDecisions } from '../ingress/drift-settle.ts';
import type { RemoteIngressOptions } from '../ingress/remote-target.ts';
import type { Logger } from '../logger.ts';

/** What they are kept for. */
export interface RuleDecisionOptions {
  readonly dataDir: string;
  readonly tunnelId: string;
  readonly logger: Logger;
}

/** For rules that the API keeps: changes by hand are noticed, and decisions that are carried out are used up. */
export function keptDecisions(
  options: RuleDecisionOptions,
): Pick<RemoteIngressOptions, 'memory' | 'choices' | 'onDecided'> {
  const store = createChoiceStore(options.dataDir);
  return {
    memory: createRuleMemory(options),
    choices: store.read,
    onDecided(decisions) {
      try {
        store.update((choices) => withoutDecisions(choices, decisions));
      } catch (error) {
        // The rules are as decided; the decision stays and is used up by a later pass.
        if (!(error instanceof AppError)) throw error;
        options.logger.warn({ code: error.code, reason: error.message }, 'a decision that is carried out stays');
      }
    },
  };
}

/** For a look that leaves nothing behind. */
export function seenDecisions(options: RuleDecisionOptions): Pick<RemoteIngressOptions, 'memory' | 'choices'> {
  return { memory: lookAtRuleMemory(options), choices: createChoiceStore(options.dataDir).read };
}

/** For rules of our own connector, of which the API has a copy: that is put right whatever was done to it. */
export function copyDecisions(options: RuleDecisionOptions): Pick<RemoteIngressOptions, 'choices'> {
  // Should the rules be kept by the API again one day, what was written before is no longer what is there.
  createRuleMemory(options).forget();
  return { choices: createChoiceStore(options.dataDir).read };
}
