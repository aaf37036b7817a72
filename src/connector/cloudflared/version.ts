// Which cloudflared this is, and which flags it knows. Pure.

/** A release's number; cloudflared counts by year, month and patch. */
export interface CloudflaredVersion {
  readonly year: number;
  readonly month: number;
  readonly patch: number;
}

/** What a release understands; a flag it does not know ends it with a usage error. */
export interface CloudflaredAbilities {
  /** `--management-hostname`: the name under which it serves its own management pages. */
  readonly managementHostname: boolean;
  /** `--management-diagnostics`: whether profiles and metrics are among them. */
  readonly managementDiagnostics: boolean;
  /** `--output json`: one JSON object per log line. */
  readonly jsonLog: boolean;
  /** `--no-prechecks`: no probing connections at start. */
  readonly prechecks: boolean;
}

/** The number in the answer to `cloudflared --version`, or undefined when it is a build without one. */
export function parseVersion(text: string): CloudflaredVersion | undefined {
  const found = /\bversion (\d{4})\.(\d{1,2})\.(\d{1,4})\b/.exec(text);
  if (found === null) return undefined;
  return { year: Number(found[1]), month: Number(found[2]), patch: Number(found[3]) };
}

/** `2026.8.2`, or `unknown`. */
export function formatVersion(version: CloudflaredVersion | undefined): string {
  return version === undefined ? 'unknown' : `${version.year}.${version.month}.${version.patch}`;
}

/** The flags a release knows; a build without a number is taken for one of 2024, when the first two were everywhere and the others nowhere. */
export function abilitiesOf(version: CloudflaredVersion = { year: 2024, month: 1, patch: 0 }): CloudflaredAbilities {
  return {
    managementHostname: isAtLeast(version, 2023, 4, 0),
    managementDiagnostics: isAtLeast(version, 2023, 7, 1),
    jsonLog: isAtLeast(version, 2025, 6, 1),
    prechecks: isAtLeast(version, 2026, 5, 0),
  };
}

function isAtLeast(version: CloudflaredVersion, year: number, month: number, patch: number): boolean {
  if (version.year !== year) return version.year > year;
  if (version.month !== month) return version.month > month;
  return version.patch >= patch;
}
