// Home Assistant as a source: Core and add-ons as the Supervisor lists them, looked at again when one of them changes.
import type { Clock } from '../../src/clock.ts';
import type { Source, SourceResult } from '../../src/contracts.ts';
import type { Logger } from '../../src/logger.ts';
import type { Diagnostic } from '../../src/model.ts';
import { addressSeen, type CoreAddress } from './core-probe.ts';
import type { Supervised } from './docker-overlap.ts';
import type { ProxyCheck } from './proxy-check.ts';
import { trustDiagnostics } from './proxy-trust.ts';
import { coreName, describeAddOn, describeCore, shortSlug, sourceName } from './services.ts';
import type { AddOn, AddOnSummary, Core, SupervisorNetwork } from './shapes.ts';
import type { Supervisor } from './supervisor.ts';
import { type OpenEvents, watchSupervisor } from './watch.ts';
import { assignWishes, type Wish } from './wishes.ts';

/** What the source is made of. */
export interface HomeAssistantSourceOptions {
  readonly supervisor: Supervisor;
  /** Opens the stream of the Supervisor's events. */
  readonly openEvents: OpenEvents;
  readonly proxyCheck: ProxyCheck;
  /** What the add-on's options publish. */
  readonly wishes: readonly Wish[];
  /** Whether Core is to be published, as far as can be known before routing: only then it is asked what it thinks of us. */
  readonly isCoreWanted: () => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The source, and what it keeps Docker's sources from listing too. */
export interface HomeAssistantSource extends Source {
  /** Undefined before the Supervisor answered. */
  supervised(): Supervised | undefined;
}

/** Passes that other sources ask for need not ask the Supervisor a hundred times a second. */
const believedMs = 5_000;
const atOnce = 8;
const openMs = 500;

/** A source nobody has asked yet. */
export function createHomeAssistantSource(options: HomeAssistantSourceOptions): HomeAssistantSource {
  return new SupervisorSource(options);
}

/** Everything one look at the Supervisor shows. */
interface Seen {
  readonly core: Core;
  readonly network: SupervisorNetwork;
  /** Undefined when our role does not allow the list. */
  readonly listed: readonly AddOnSummary[] | undefined;
  readonly addOns: readonly AddOn[];
  readonly at: number;
  readonly changes: number;
}

class SupervisorSource implements HomeAssistantSource {
  readonly name = sourceName;
  readonly #options: HomeAssistantSourceOptions;
  #self: string | undefined;
  #seen: Seen | undefined;
  /** Counts what made a look out of date, also one that is under way. */
  #changes = 0;
  #isCoreAway = false;
  #supervised: Supervised | undefined;

  constructor(options: HomeAssistantSourceOptions) {
    this.#options = options;
  }

  async list(signal: AbortSignal): Promise<SourceResult> {
    const seen = this.#believed() ?? (await this.#look(signal));
    const { core, network, listed, addOns } = seen;
    const isAway = this.#isCoreAway && !(await this.#isCoreOpen(core, signal));
    const { bySlug, diagnostics } = assignWishes(this.#options.wishes, nameAll(addOns));
    const described = addOns.map((addOn) => describeAddOn(addOn, network, bySlug.get(addOn.slug)));
    return {
      services: [describeCore(core, bySlug.get(coreName), isAway), ...described.map(({ service }) => service)],
      diagnostics: [
        ...(listed === undefined ? [listWithheld] : diagnostics),
        ...described.flatMap((one) => one.diagnostics),
        ...(isAway ? [] : await this.#trust(seen, bySlug.has(coreName), signal)),
      ],
    };
  }

  async watch(notify: (reason: string) => void, signal: AbortSignal): Promise<void> {
    const { supervisor, openEvents, proxyCheck, logger, clock } = this.#options;
    await watchSupervisor(
      {
        openEvents,
        fingerprint: (aborting) => fingerprint(supervisor, aborting),
        onCoreStart: () => {
          if (this.#isCoreAway) proxyCheck.again();
          this.#isCoreAway = false;
        },
        onCoreEnd: () => {
          this.#isCoreAway = true;
        },
        isCoreOpen: async (aborting) => this.#seen === undefined || this.#isCoreOpen(this.#seen.core, aborting),
        notify: (reason) => {
          this.#changes++;
          notify(`${sourceName}: ${reason}`);
        },
        logger,
        clock,
      },
      signal,
    );
  }

  supervised(): Supervised | undefined {
    return this.#supervised;
  }

  #believed(): Seen | undefined {
    const { changes, at = Number.NEGATIVE_INFINITY } = this.#seen ?? {};
    return changes === this.#changes && this.#options.clock.now() - at < believedMs ? this.#seen : undefined;
  }

  #isCoreOpen(core: Core, signal: AbortSignal): Promise<boolean> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(openMs)]);
    return addressSeen(addressOf(core), soon).then((address) => address !== undefined);
  }

  async #look(signal: AbortSignal): Promise<Seen> {
    const { supervisor, clock } = this.#options;
    const changes = this.#changes;
    const [self, core, network, listed] = await Promise.all([
      this.#self ?? ownSlug(supervisor, signal),
      supervisor.core(signal),
      supervisor.network(signal),
      supervisor.addOns(signal),
    ]);
    this.#self = self;
    const others = (listed ?? []).filter(({ slug }) => slug !== self);
    const addOns = await details(supervisor, others, signal);
    const running = addOns.filter((addOn) => !addOn.isOnHostNetwork);
    this.#supervised = {
      slugs: new Set([...(listed ?? []).map(({ slug }) => slug), self]),
      addresses: new Set(running.flatMap(({ address }) => address ?? [])),
    };
    const seen = { core, network, listed, addOns, at: clock.now(), changes };
    this.#seen = seen;
    return seen;
  }

  async #trust({ core, network }: Seen, isWished: boolean, signal: AbortSignal): Promise<readonly Diagnostic[]> {
    if (!isWished && !this.#options.isCoreWanted()) return [];
    return trustDiagnostics(await this.#options.proxyCheck.trust(addressOf(core), signal), network);
  }
}

function addressOf({ address, port, isTls }: Core): CoreAddress {
  return { host: address ?? coreName, port, isTls };
}

/** Ourselves are never offered. */
async function ownSlug(supervisor: Supervisor, signal: AbortSignal): Promise<string> {
  return (await supervisor.addOn('self', signal))?.slug ?? '';
}

/** What does not run needs no details; one that is gone by now is left out. */
async function details(
  supervisor: Supervisor,
  listed: readonly AddOnSummary[],
  signal: AbortSignal,
): Promise<readonly AddOn[]> {
  const found: (AddOn | undefined)[] = listed.map((summary) => (isStopped(summary) ? unlooked(summary) : undefined));
  const work = [...listed.entries()].filter(([, summary]) => !isStopped(summary)).values();
  const worker = async () => {
    for (const [index, { slug }] of work) found[index] = await supervisor.addOn(slug, signal);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found.filter((addOn) => addOn !== undefined);
}

function isStopped({ state }: AddOnSummary): boolean {
  return state !== 'started' && state !== 'startup';
}

function unlooked({ slug, name, state }: AddOnSummary): AddOn {
  return { slug, name, state, isOnHostNetwork: false, ports: [], hasIngress: false, switches: new Map() };
}

function nameAll(addOns: readonly AddOn[]) {
  const own = { slug: coreName, names: ['core', 'home-assistant'] };
  const others = addOns.map(({ slug, name }) => {
    const short = shortSlug(slug);
    return { slug, names: [short, short.replaceAll('_', '-'), name] };
  });
  return [own, ...others];
}

/** What a change shows in, for when nobody tells of one. */
async function fingerprint(supervisor: Supervisor, signal: AbortSignal): Promise<string> {
  const [core, listed] = await Promise.all([supervisor.core(signal), supervisor.addOns(signal)]);
  return JSON.stringify([core, listed]);
}

const listWithheld: Diagnostic = {
  severity: 'warning',
  code: 'W_ADDONS_HIDDEN',
  message: 'the Supervisor does not show this add-on the list of add-ons: only Home Assistant itself can be published',
  hint: 'install the variant of this add-on whose manifest asks for hassio_role: manager',
};
