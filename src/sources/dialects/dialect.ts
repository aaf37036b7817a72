// What a dialect is: the grammar of another tool's labels, read into entries of ours and a line for everything that does not come along. Types only.
import type { ServiceHints } from '../../model.ts';
import type { ForeignLabels } from './foreign-labels.ts';

/** The tools whose labels are understood, as the settings call them. */
export type DialectName =
  | 'dockflare'
  | 'docker-cloudflare-tunnel-sync'
  | 'labelgate'
  | 'dockroute'
  | 'traefik'
  | 'caddy'
  | 'nginx-proxy'
  | 'tsdproxy'
  | 'pangolin'
  | 'swag'
  | 'autoxpose'
  | 'homepage'
  | 'unraid';

/** One tool's grammar. */
export interface Dialect {
  readonly name: DialectName;
  /** Whether a label (or, with `isEnvironment`, a variable) is one of its words. */
  owns(key: string): boolean;
  /** It is configured with environment variables, which only inspecting a container shows. */
  readonly isEnvironment?: boolean;
  /** Reads all of a container's words; never throws. */
  read(labels: ForeignLabels): void;
}

/** What one tool's labels say of a container. */
export interface Reading {
  /** What the tool publishes, in its order. */
  readonly entries: readonly ForeignEntry[];
  /** What fills gaps and publishes nothing by itself. */
  readonly gaps: ServiceHints;
  /** The label that tells the tool to leave this container alone. */
  readonly off?: string;
  readonly notes: readonly Note[];
}

/** One entry as the tool's labels describe it. */
export interface ForeignEntry {
  /** What the tool calls it, as a name an entry of ours may have. */
  readonly name: string;
  readonly hints: ServiceHints;
  /** The label it comes from. */
  readonly from: string;
}

/** One label that does not come along, or not wholly. */
export interface Note {
  readonly label: string;
  readonly why: string;
}
