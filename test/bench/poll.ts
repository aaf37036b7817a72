// Asks one name at the edge over a kept connection until it answers 200, and says when that was.
import { Agent, request } from 'node:http';

const pauseMs = 2;
const patienceMs = 15_000;

/** The time of the first complete 200, as `performance.now()` tells it; rejects after 15 s. */
export async function firstOk(port: number, host: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const end = performance.now() + patienceMs;
  try {
    for (;;) {
      const status = await ask(port, host, agent).catch(() => 0);
      const now = performance.now();
      if (status === 200) return now;
      if (now > end) throw new Error(`${host} never answered 200; the last answer was ${status}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  } finally {
    agent.destroy();
  }
}

function ask(port: number, host: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, headers: { host }, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    asking.on('error', reject);
    asking.end();
  });
}
