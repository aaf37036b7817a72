// What the web server may show and ask of the program. Types only.
import type { TokenChecks } from '../app/token-check.ts';
import type { ChoiceStore, Choices } from '../choices.ts';
import type { RuleMetrics } from '../connector/native/counters.ts';
import type { Check } from '../doctor/check.ts';
import type { DriftStatus } from '../ingress/drift-words.ts';
import type { ServiceId, Snapshot } from '../model.ts';
import type { PluginManifest } from '../plugin/catalogue.ts';
import type { Pass } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import type { Status } from '../status.ts';
import type { SettingsStore } from './settings-file.ts';

/** How much everything carried, and each name with its path. */
export interface Traffic {
  readonly requests: number;
  readonly concurrent: number;
  readonly errors: number;
  readonly byRule: ReadonlyMap<string, RuleMetrics>;
}

/** The program as the web server knows it. */
export interface WebProgram {
  readonly status: () => Status;
  /** The last finished pass. */
  readonly snapshot: () => Snapshot | undefined;
  /** Holds secrets: nothing of it is answered as it is. */
  readonly settings: () => Settings;
  readonly app: (id: string) => PluginManifest | undefined;
  readonly choices: ChoiceStore;
  /** Rules of ours that were changed by hand, as the last pass found them. */
  readonly drifts: () => readonly DriftStatus[];
  /** What a pass would do if this were chosen; changes nothing. */
  readonly foresee: (choices: Choices) => Promise<Pass>;
  /** Runs a full pass and resolves when it is done; `confirmed` also makes the deletes that were held for their number. */
  readonly pass: (reason: string, confirmed: boolean) => Promise<unknown>;
  /** Every check along the path to one service; changes nothing. */
  readonly examine: (id: ServiceId) => Promise<readonly Check[]>;
  /** What a token may do of what we need: the one in use, or one that is not kept yet. */
  readonly checkToken: (token: string | undefined) => Promise<TokenChecks>;
  /** Undefined while there is no native connector. */
  readonly traffic: () => Traffic | undefined;
  readonly settingsStore: SettingsStore;
  /** Whether this user of the platform may change things; undefined when that cannot be known. Absent: there is no platform with users. */
  readonly isAdmin?: ((userId: string) => Promise<boolean | undefined>) | undefined;
}
