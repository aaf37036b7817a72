// Every dialect there is, and whose a label is. Pure.
import { autoxpose } from './autoxpose.ts';
import { caddy } from './caddy.ts';
import type { Dialect } from './dialect.ts';
import { dockflare } from './dockflare.ts';
import { dockroute } from './dockroute.ts';
import { homepage } from './homepage.ts';
import { labelgate } from './labelgate.ts';
import { nginxProxy } from './nginx-proxy.ts';
import { pangolin } from './pangolin.ts';
import { swag } from './swag.ts';
import { traefik } from './traefik.ts';
import { tsdproxy } from './tsdproxy.ts';
import { tunnelSync } from './tunnel-sync.ts';
import { unraid } from './unraid.ts';

/** All dialects, in the order in which they are suggested. */
export const dialects: readonly Dialect[] = [
  dockflare,
  tunnelSync,
  labelgate,
  dockroute,
  traefik,
  caddy,
  nginxProxy,
  tsdproxy,
  pangolin,
  swag,
  autoxpose,
  homepage,
  unraid,
];

/** How a label of one of them begins: cheap to ask of every label of every container. */
const beginning =
  /^(?:dockflare\.|cloudflare\.(?:tunnel|access)\.|labelgate\.|dockroute\.|traefik\.|caddy(?:[_.]|$)|tsdproxy\.|pangolin\.|swag(?:_|$)|autoxpose\.|homepage\.|net\.unraid\.docker\.)/i;

/** Whether a label may be one of another tool's. */
export function isForeignLabel(key: string): boolean {
  return beginning.test(key);
}

/** Whether a variable of the environment is one of another tool's. */
export function isForeignVariable(key: string): boolean {
  return dialects.some((dialect) => dialect.isEnvironment === true && dialect.owns(key));
}
