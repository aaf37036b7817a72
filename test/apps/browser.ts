// Debian's Chromium without a window, whose user has installed the local CA: certificate errors stay errors.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { missingPrograms } from './installed.ts';

/** A domain whose names are this machine's to the browser, as those under `localhost` are. */
export const exampleDomain = 'home.example';

/** Why no browser can be started here, if so. */
export function noBrowser(): string | undefined {
  return missingPrograms('/usr/bin/chromium', '/usr/bin/certutil');
}

/** A browser with a home of its own. */
export interface TestBrowser {
  open(url: string): Promise<Page>;
  newPage(): Promise<Page>;
  stop(): Promise<void>;
}

/** Starts one; with `ca` its user trusts that authority. */
export async function startBrowser(ca?: string): Promise<TestBrowser> {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-browser-'));
  const remove = () => rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    if (ca !== undefined) trust(home, ca);
    const context = await launch(home);
    const newPage = () => context.newPage();
    return {
      newPage,
      async open(url) {
        const page = await newPage();
        await page.goto(url);
        return page;
      },
      async stop() {
        await context.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Puts it where Chromium looks for authorities its user has added. */
function trust(home: string, ca: string): void {
  const folder = join(home, '.pki', 'nssdb');
  mkdirSync(folder, { recursive: true });
  const database = `sql:${folder}`;
  execFileSync('certutil', ['-d', database, '-N', '--empty-password']);
  execFileSync('certutil', ['-d', database, '-A', '-t', 'C,,', '-n', 'sallyport', '-i', ca]);
}

function launch(home: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath: '/usr/bin/chromium',
    // Root may not use its sandbox, and containers have little shared memory.
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      `--host-resolver-rules=MAP *.${exampleDomain} 127.0.0.1`,
    ],
    env: { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: home },
  });
}
