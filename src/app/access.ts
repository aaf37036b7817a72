// Which Access there is: Cloudflare's enforces policies; the embedded edge's own listeners do not yet.
import { type AccessOptions, createAccessReconciler } from '../access/reconciler.ts';
import { createUnenforcedAccess } from '../access/unenforced.ts';
import { createChoiceStore } from '../choices.ts';
import type { Reconciler } from '../contracts.ts';
import type { AccessObject } from '../model.ts';
import type { Settings } from '../settings/settings.ts';

/** The reconciler for the edge that visitors reach; `settings` is asked in every pass. */
export function createAccess(
  settings: () => Settings,
  options: Omit<AccessOptions, 'policies'>,
): Reconciler<AccessObject> {
  const { edge, loopbackOnly } = settings();
  if (edge === 'embedded') return createUnenforcedAccess({ loopbackOnly });
  const choices = createChoiceStore(settings().dataDir).read;
  return createAccessReconciler({ choices, ...options, policies: () => settings().policies });
}
