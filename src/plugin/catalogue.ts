// What is known of apps: the shapes of a manifest and of the catalogue. Types only.
import type { Plugin } from '../contracts.ts';
import type { Diagnostic, OriginProtocol, OriginRequest } from '../model.ts';

/** How careful one must be with an app, from `public-ok` to `never`. */
export type Sensitivity = 'public-ok' | 'protect' | 'admin' | 'never';

/** `plugin.yaml`, as `manifest.schema.json` accepts it. */
export interface PluginManifest {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly homepage?: string;
  /** A name in simple-icons, or a path in a square of 24 by 24. */
  readonly icon?: string | { readonly path: string };
  readonly match?: {
    readonly images?: readonly string[];
    readonly protocols?: readonly OriginProtocol[];
    readonly addon?: string | null;
  };
  readonly service?: ManifestService;
  readonly ingress?: { readonly subdomain?: string; readonly originRequest?: OriginRequest };
  readonly access: ManifestAccess;
  readonly needs?: readonly Need[];
  readonly notes?: readonly { readonly text: string }[];
  readonly diagnose?: readonly DiagnoseRule[];
}

/** How the app is reached inside its container. */
export interface ManifestService {
  readonly port?: number;
  readonly protocol?: OriginProtocol;
  /** Ports that serve the same where the first is not open, in this order. */
  readonly alternatives?: readonly { readonly port: number; readonly protocol: OriginProtocol }[];
  /** Never taken unless somebody names them. */
  readonly avoid?: readonly number[];
  readonly health?: { readonly path: string };
}

/** How careful one must be, and what may be opened on request. */
export interface ManifestAccess {
  readonly sensitivity: Sensitivity;
  /** Why, as the end of a sentence. */
  readonly reason?: string;
  readonly suggestBypass?: readonly string[];
  readonly presets?: readonly ManifestPreset[];
  /** Where the app's own clients can be told to send a service token's headers. */
  readonly serviceToken?: string;
}

/** Paths that may be opened without login once somebody confirms it. */
export interface ManifestPreset {
  readonly name: string;
  readonly opens: string;
  readonly why: string;
  readonly guard: PresetGuard;
  readonly risk?: string;
  readonly paths: readonly string[];
}

/** What still guards a path that needs no login. */
export type PresetGuard = 'accounts' | 'tokens' | 'secret-link' | 'nothing';

/** What of a tunnel matters to an app. */
export type Need = 'websockets' | 'uploads' | 'streaming' | 'long-requests';

/** What an answer of the app means. */
export interface DiagnoseRule {
  readonly code: string;
  readonly severity: Diagnostic['severity'];
  /** All that is written must hold. */
  readonly when: {
    /** What was asked for; default `/`. */
    readonly path?: string;
    readonly status?: readonly number[];
    /** By lower-case name; the value contains the text, in any case. */
    readonly headers?: Readonly<Record<string, string>>;
    /** The beginning of the answer contains one of these, in any case. */
    readonly body?: readonly string[];
  };
  readonly message: string;
  readonly hint?: string;
}

/** One plugin of the catalogue. */
export interface LoadedPlugin {
  readonly manifest: PluginManifest;
  /** `user`: from the folder the settings name; it takes the place of a built-in with the same id. */
  readonly origin: 'builtin' | 'user';
  /** It takes the place of the built-in with its id. */
  readonly overrides?: boolean;
  readonly code?: Plugin;
  /** Why it must not be used. Services it matches are then not published: without it they could be more open than it would leave them. */
  readonly problem?: string;
  /** Why the folder as it is now cannot be used; this is the version before. */
  readonly staleBecause?: string;
}

/** All plugins by id, and what was wrong with those that did not load. */
export interface PluginCatalogue {
  readonly plugins: ReadonlyMap<string, LoadedPlugin>;
  readonly diagnostics: readonly Diagnostic[];
}
