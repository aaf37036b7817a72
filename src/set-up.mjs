// Installs what package-lock.json names when it is missing or has changed. Plain JavaScript: it runs on the machine's own Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.sallyport-lock');
const lock = join(root, 'package-lock.json');

/** Runs `npm ci` once per lock file; output goes to stderr, so that stdout stays the command's own. */
export function setUp() {
  // An installed package or an image carries no lock file: what it needs came with it.
  if (!existsSync(lock)) return;
  const wanted = readFileSync(lock, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write('sallyport: installing what package-lock.json names (once) …\n');
  // No install script is needed: the pinned Node ships inside its package.
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) {
    process.stderr.write('error E_SET_UP: npm ci failed (see above): check the network and try again\n');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp();
