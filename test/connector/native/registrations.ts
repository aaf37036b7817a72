// How the test edge answers on the control stream.
import type { RegisterConnectionRequest, RegistrationHandlers } from '../../../src/protocol/capnp/registration.ts';

/** What one connection told the edge. */
export interface TestRegistration {
  registration: RegisterConnectionRequest | undefined;
  readonly configurations: unknown[];
  unregistered: boolean;
}

/** What the edge does with it. */
export interface RegistrationBehaviour {
  readonly remotelyManaged: boolean;
  refuse(): string | undefined;
  onAttempt(): void;
  onRegistered(): void;
  onChange(): void;
}

/** Handlers that note everything in `target`. */
export function registrationHandlersOf(
  target: TestRegistration,
  behaviour: RegistrationBehaviour,
): RegistrationHandlers {
  return {
    registerConnection(request) {
      target.registration = request;
      behaviour.onAttempt();
      const cause = behaviour.refuse();
      if (cause !== undefined)
        return Promise.resolve({
          error: { cause, retryAfterNs: 0n, shouldRetry: cause.startsWith('EDUP') || cause.startsWith('later') },
        });
      behaviour.onRegistered();
      return Promise.resolve({
        details: {
          uuid: crypto.getRandomValues(new Uint8Array(16)),
          locationName: 'test01',
          tunnelIsRemotelyManaged: behaviour.remotelyManaged,
        },
      });
    },
    unregisterConnection() {
      target.unregistered = true;
      behaviour.onChange();
      return Promise.resolve();
    },
    updateLocalConfiguration(config) {
      target.configurations.push(JSON.parse(Buffer.from(config).toString('utf8')));
      behaviour.onChange();
      return Promise.resolve();
    },
  };
}
