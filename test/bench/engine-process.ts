// An engine's API in a process of its own: containers are put, started and counted by message.
import { type FakeContainer, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { answerParent } from './child.ts';

/** What can be asked of it. */
export type EngineOrder =
  | { readonly put: readonly FakeContainer[] }
  | { readonly start: FakeContainer }
  | { readonly endpoint: true }
  | { readonly calls: true };

/** Where it listens, and how many calls it answered besides event streams. */
export interface EngineState {
  readonly endpoint: string;
  readonly calls: number;
}

const engine = await startFakeDockerEngine();

answerParent<EngineOrder, EngineState>(
  (order) => {
    if ('put' in order) for (const container of order.put) engine.put(container);
    if ('start' in order) {
      engine.put(order.start);
      engine.emit('container', 'start', order.start.name);
    }
    return { endpoint: engine.endpoint, calls: engine.calls.length };
  },
  () => engine.close(),
);
