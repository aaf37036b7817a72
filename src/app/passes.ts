// What a pass and a glance are made of, here: discovery, the road, and the settings of the moment.

import type { Reconciler } from '../contracts.ts';
import type { RunPass } from '../controller.ts';
import type { Logger } from '../logger.ts';
import type { AccessObject, IngressEntry, Service } from '../model.ts';
import { type Pass, reconcile } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import type { Discovery } from './discovery.ts';
import { newsOf } from './news.ts';
import type { Readiness } from './readiness.ts';
import type { Road } from './road.ts';
import type { RoadKeeper } from './road-keeper.ts';

/** What passes are made of. */
export interface PassesOptions {
  readonly discovery: Discovery;
  /** The Access of a road's account. */
  readonly access: (road: Road) => Reconciler<AccessObject>;
  /** Absent: every origin counts as answering. */
  readonly readiness?: Readiness;
  readonly road: RoadKeeper;
  readonly settings: () => Settings;
  readonly owner: string;
  readonly logger: Logger;
}

/** For the controller. */
export interface Passes {
  readonly run: RunPass;
  /** Looks again while a pass is held up, and closes what must not stay open; opens nothing. */
  glance(signal: AbortSignal): Promise<void>;
}

/** Passes that remember the last one. */
export function createPasses(options: PassesOptions): Passes {
  const { discovery, settings, owner, logger } = options;
  const locks = new WeakMap<Road, Reconciler<AccessObject>>();
  let previous: Pass | undefined;

  function compile(road: Road, entries: readonly IngressEntry[], before: readonly IngressEntry[]) {
    const names = { zones: road.place.zones, tunnelTarget: road.tunnelTarget, owner };
    const compiled = discovery.compile(entries, before, names);
    return road.adjust?.(compiled) ?? compiled;
  }

  /** As discovery routes them; what does not answer yet stays closed until it does. */
  async function route(services: readonly Service[], before: readonly IngressEntry[], signal: AbortSignal) {
    const routed = discovery.route(services, before);
    const ready = await options.readiness?.await(routed.entries, signal);
    if (ready === undefined) return routed;
    return { entries: ready.entries, diagnostics: [...routed.diagnostics, ...ready.diagnostics] };
  }

  /** One for as long as the road lasts. */
  function accessOf(road: Road): Reconciler<AccessObject> {
    const access = locks.get(road) ?? road.access ?? options.access(road);
    locks.set(road, access);
    return access;
  }

  return {
    async run({ full, confirmed, signal }) {
      const road = await options.road.ensure(signal);
      // Settings may change while a road is built, and one that leads nowhere is for planning only.
      const mode = road.connector === undefined ? 'dry-run' : settings().mode;
      const deps = {
        list: (aborting: AbortSignal) => discovery.list.list(aborting),
        route,
        compile: (entries: readonly IngressEntry[], before: readonly IngressEntry[]) => compile(road, entries, before),
        access: accessOf(road),
        ingress: road.ingress,
        dns: road.dns,
        mode,
        logger,
      };
      const before = previous;
      previous = await reconcile(deps, { full, confirmed, previous }, signal);
      for (const { level, message, fields } of newsOf(before, previous)) logger[level](fields, message);
      if (mode !== 'dry-run') road.mirror?.follow(road.ingress.live(), { again: full });
      if (mode !== 'dry-run') road.remember?.();
      // In dry-run nothing is written, and what a connector carries is what it carried before.
      if (mode === 'dry-run' || road.isSafeToOpen?.(previous) !== false) options.road.open(road);
      return previous;
    },
    async glance(signal) {
      const road = options.road.current();
      if (road === undefined || settings().mode === 'dry-run') return;
      const listed = await discovery.list.list(signal);
      const routed = discovery.route(listed.services, previous?.entries ?? []);
      const { desired } = compile(road, routed.entries, previous?.desired.ingress ?? []);
      await road.ingress.withdraw(desired, signal);
      road.mirror?.follow(road.ingress.live());
    },
  };
}
