// The one service the program brings along, so that there is something to see without Docker: the hello page.
import type { Source } from '../contracts.ts';
import type { Service } from '../model.ts';
import { aborted } from './aborted.ts';

/** No hostname is written, so `hello` is a default and gives way to anyone who claims that name. */
const hello: Service = {
  id: 'builtin/hello',
  name: 'hello',
  source: 'builtin',
  ports: [],
  hints: { enable: true, service: 'hello_world' },
  state: 'running',
};

/** A source of the built-in hello page alone. */
export function createBuiltinSource(): Source {
  return {
    name: 'builtin',
    list: async (signal) => {
      signal.throwIfAborted();
      return { services: [hello], diagnostics: [] };
    },
    watch: (_notify, signal) => aborted(signal),
  };
}
