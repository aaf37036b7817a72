// Which containers are one service: Compose's replicas, of which labels can be claimed by anyone. Pure.
import { type ContainerView, stateOf } from './docker-container.ts';
import { quote } from './quote.ts';

/** The label with a container's Compose project. */
export const composeProject = 'com.docker.compose.project';
const composeService = 'com.docker.compose.service';
const composeNumber = 'com.docker.compose.container-number';
const idPart = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** One service and the containers it is made of; `note` says why it is not what its labels claim. */
export interface Identity {
  readonly path: string;
  readonly name: string;
  readonly containers: readonly ContainerView[];
  readonly note?: string;
}

/** Replicas of one Compose service are one identity; any other container is its own. */
export function groupByIdentity(containers: readonly ContainerView[]): readonly Identity[] {
  const claims = new Map<string, ContainerView[]>();
  const result: Identity[] = [];
  for (const container of containers) {
    const compose = composeIdentity(container);
    if (compose === undefined) {
      result.push({ path: container.name, name: container.name, containers: [container] });
      continue;
    }
    const path = `${compose.project}/${compose.service}`;
    const claimants = claims.get(path);
    if (claimants === undefined) claims.set(path, [container]);
    else claimants.push(container);
  }
  for (const [path, claimants] of claims) result.push(...settleClaim(path, claimants));
  return result;
}

/**
 * Labels can be baked into an image, names cannot. Where several containers claim one Compose service, those named as Compose
 * names replicas are it; the others stand for themselves.
 */
function settleClaim(path: string, claimants: readonly ContainerView[]): readonly Identity[] {
  const service = path.slice(path.indexOf('/') + 1);
  if (claimants.length === 1) return [{ path, name: service, containers: claimants }];
  const named = claimants.filter((one) => isReplicaName(one, path));
  const oldest = claimants.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)).slice(0, 1);
  const genuine = named.length > 0 ? named : oldest;
  const note = `its labels claim the Compose service ${quote(path)}, which other containers are; it is listed under its own name`;
  const others = claimants.filter((one) => !genuine.includes(one));
  return [
    { path, name: service, containers: genuine },
    ...others.map((one) => ({ path: one.name, name: one.name, containers: [one], note })),
  ];
}

function isReplicaName(container: ContainerView, path: string): boolean {
  const [project, service] = path.split('/');
  const match = /^(.*)[-_]\d{1,6}$/.exec(container.name);
  return match !== null && (match[1] === `${project}-${service}` || match[1] === `${project}_${service}`);
}

function composeIdentity(container: ContainerView): { project: string; service: string } | undefined {
  const project = container.labels[composeProject] ?? '';
  const service = container.labels[composeService] ?? '';
  return idPart.test(project) && idPart.test(service) ? { project, service } : undefined;
}

/** The replica that stands for all: running before unhealthy before stopped, then the lowest number. */
export function pickReplica(containers: readonly ContainerView[]): ContainerView | undefined {
  const order = { running: 0, unhealthy: 1, stopped: 2 } as const;
  return containers.toSorted(
    (a, b) => order[stateOf(a)] - order[stateOf(b)] || replicaNumber(a) - replicaNumber(b) || b.createdAt - a.createdAt,
  )[0];
}

function replicaNumber(container: ContainerView): number {
  const number = Number(container.labels[composeNumber] ?? '1');
  return Number.isSafeInteger(number) ? number : 1;
}
