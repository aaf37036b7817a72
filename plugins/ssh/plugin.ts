// SSH knows nothing of logins at the edge: whoever gets through talks to sshd itself, so it is never open to everyone.
import type { Plugin } from '../../src/contracts.ts';

/** The entry the manifest gives, unless nothing would guard it. */
export default {
  route(_service, defaults, context) {
    const open = context.access === undefined || context.access === 'public';
    if (open && !context.loopbackOnly) {
      context.warn('ssh needs an access policy; no entry created');
      return [];
    }
    return defaults;
  },
} satisfies Plugin;
