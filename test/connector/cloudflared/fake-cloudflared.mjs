// Stands in for cloudflared where it is our own handling of a child process that is tested. The first argument says how it behaves;
// the second is a folder where it notes each start. The rest is what a real one would be given.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [, , behaviour = '', notes = '', ...args] = process.argv;
const log = (line) => process.stderr.write(`2026-01-02T03:04:05Z ${line}\n`);

if (args[0] === '--version') {
  process.stdout.write('cloudflared version 2024.1.0 (built unknown)\n');
  process.exit(0);
}
const starts = countStart();
writeFileSync(join(notes, 'start.json'), JSON.stringify({ args, env: process.env, cwd: process.cwd() }));

const behaviours = {
  serve: () => serve(),
  crash: () => crash(),
  'crash-twice': () => (starts <= 2 ? crash() : serve()),
  'crash-when-ready': () => (starts <= 1 ? serve(() => setTimeout(crash, 50)) : serve()),
  usage: () => {
    log('ERR flag provided but not defined: -nonsense');
    process.exit(255);
  },
  refused: () => {
    for (let i = 0; i < 3; i++) {
      log('ERR Register tunnel error from server side error="Unauthorized: Invalid tunnel secret" connIndex=0');
    }
    setInterval(() => undefined, 1000);
  },
  deaf: () => serve(() => undefined, true),
  noisy: () => {
    log(`INF ${'x'.repeat(100_000)}`);
    log('INF the secret is c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0 token=abcdefgh');
    process.stderr.write('not a log line\n');
    for (let i = 0; i < 5000; i++) log(`INF line ${i}`);
    serve();
  },
};
behaviours[behaviour]();

function countStart() {
  appendFileSync(join(notes, 'starts'), '.');
  return readFileSync(join(notes, 'starts'), 'utf8').length;
}

function crash() {
  log('ERR something is badly wrong error="it is broken"');
  process.exit(7);
}

function serve(whenReady = () => undefined, isDeaf = false) {
  const server = createServer((request, response) => {
    if (request.url === '/ready') {
      response.end('{"status":200,"readyConnections":1,"connectorId":"x"}');
      whenReady();
    } else if (request.url === '/config') response.end('{"version":3,"config":{}}');
    else response.end('build_info{version="2024.1.0"} 1\n');
  });
  process.on('SIGTERM', () => {
    if (isDeaf) return;
    log('INF Initiating graceful shutdown due to signal terminated ...');
    log('INF Unregistered tunnel connection connIndex=0 event=0 ip=127.0.0.1');
    process.exit(0);
  });
  server.listen(0, '127.0.0.1', () => {
    log(`INF Starting metrics server on 127.0.0.1:${server.address().port}/metrics`);
    log('INF Registered tunnel connection connIndex=0 event=0 ip=127.0.0.1 location=here protocol=http2');
  });
}
