// The configuration connection 0 of a locally managed tunnel reports, in the form cloudflared uses. Pure.
import type { IngressRule } from '../../model.ts';

/** JSON; durations are seconds there as here. */
export function localConfiguration(rules: readonly IngressRule[]): Uint8Array {
  const configuration = {
    __configuration_flags: {},
    ingress: rules,
    'warp-routing': {},
  };
  return new TextEncoder().encode(JSON.stringify(configuration));
}
