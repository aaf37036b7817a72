// nginx from Debian as a WebDAV server: 200 MB go in and come out unchanged, over HTTP/1.1 and HTTP/2, and are never held in memory.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { noEngine } from '../docker/containers.ts';
import { type ServedApp, serveApp } from './app-container.ts';
import { missingPrograms } from './installed.ts';

const run = promisify(execFile);

const settings = `
daemon off; pid /data/nginx.pid; user root; error_log stderr; worker_processes 1;
events { }
http {
  access_log off; client_max_body_size 0; client_body_temp_path /data/tmp;
  server { listen 80; root /data/files; location / { dav_methods PUT DELETE MKCOL; create_full_put_path on; } location = / { return 204; } }
}
`;

describe('nginx', { skip: noEngine() ?? missingPrograms('/usr/sbin/nginx', '/usr/bin/curl') ?? false }, () => {
  let served: ServedApp;
  let home: string;
  let file: string;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'sallyport-upload-'));
    file = join(home, 'bytes');
    execFileSync('sh', ['-c', `head -c ${200 * 1024 * 1024} /dev/urandom > "$0"`, file]);
    served = await serveApp({
      name: 'files',
      image: 'nginx:1.27',
      ports: [80],
      files: { 'nginx.conf': settings },
      command: ['/usr/sbin/nginx', '-c', '/data/nginx.conf'],
    });
  });
  after(async () => {
    await served?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const curl = async (...args: string[]) =>
    (await run('curl', ['-sS', '--fail', '--cacert', served.ca, '-w', '%{http_code} %{http_version}', ...args])).stdout;

  test('is no app of its own: what it serves is published as it is', () => {
    const service = served.program.status().services.find(({ name }) => name === 'files');
    assert.equal(service?.plugin, 'generic');
  });

  for (const [option, version] of [
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ] as const)
    test(`200 MB over HTTP/${version} go up and come down the same`, async () => {
      const before = buffers();
      let most = 0;
      const watching = setInterval(() => {
        most = Math.max(most, buffers() - before);
      }, 50);
      const back = join(home, 'back');
      const address = `${served.url}/deep/${version}`;
      try {
        assert.equal(await curl(option, '-T', file, address), `201 ${version}`);
        assert.equal(await curl(option, '-o', back, address), `200 ${version}`);
      } finally {
        clearInterval(watching);
      }
      execFileSync('cmp', [file, back]);
      assert.ok(most < 100 * 1024 * 1024, `${Math.round(most / 1024 / 1024)} MB were held`);
    });
});

/** What is held outside the heap: bytes on their way. */
function buffers(): number {
  return process.memoryUsage().arrayBuffers;
}
