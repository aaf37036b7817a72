// Real apps from npm and Debian, kept outside the checkout: each is installed once per machine, or says why it is not there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An app in a folder of its own, or the reason it could not be installed. */
export type Installed = { readonly folder: string } | { readonly missing: string };

/** Installs a package with what it needs, without running install scripts; at most once for a version. */
export function npmApp(name: string, version: string, overrides: Readonly<Record<string, string>> = {}): Installed {
  const apps = join(tmpdir(), 'sallyport-test-apps');
  const folder = join(apps, `${name}-${version}`);
  if (existsSync(folder)) return { folder };
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, 'package.json'), JSON.stringify({ private: true, overrides }));
  const options = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const npm = spawnSync('npm', ['install', ...options, `${name}@${version}`], { cwd: fresh, encoding: 'utf8' });
  if (npm.status === 0) {
    renameSync(fresh, folder);
    return { folder };
  }
  rmSync(fresh, { recursive: true, force: true });
  return {
    missing: `npm could not install ${name}: ${lastLine(npm.stderr) ?? npm.error?.message ?? 'no reason given'}`,
  };
}

/** Why a test that needs these programs cannot run, if so. */
export function missingPrograms(...paths: readonly string[]): string | undefined {
  const missing = paths.filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

function lastLine(text: string | null): string | undefined {
  return text?.trim().split('\n').at(-1)?.slice(0, 200);
}
