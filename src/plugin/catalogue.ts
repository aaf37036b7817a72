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
  readonly match?: {
    readonly images?: readonly string[];
    readonly protocols?: readonly OriginProtocol[];
    readonly addon?: string | null;
  };
  readonly service?: {
    readonly port?: number;
    readonly protocol?: OriginProtocol;
    readonly health?: { readonly path: string };
  };
  readonly ingress?: { readonly subdomain?: string; readonly originRequest?: OriginRequest };
  readonly access: { readonly sensitivity: Sensitivity; readonly suggestBypass?: readonly string[] };
  readonly notes?: readonly { readonly text: string }[];
}

/** One plugin of the catalogue. */
export interface LoadedPlugin {
  readonly manifest: PluginManifest;
  /** `user`: from the folder the settings name; it takes the place of a built-in with the same id. */
  readonly origin: 'builtin' | 'user';
  readonly code?: Plugin;
  /** Why it must not be used. Services it matches are then not published: without it they could be more open than it would leave them. */
  readonly problem?: string;
}

/** All plugins by id, and what was wrong with those that did not load. */
export interface PluginCatalogue {
  readonly plugins: ReadonlyMap<string, LoadedPlugin>;
  readonly diagnostics: readonly Diagnostic[];
}
