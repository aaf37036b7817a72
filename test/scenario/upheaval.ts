// The largest change one pass can have to make: everything that can be created, changed or deleted at the API is, all at once.
import type { Program } from './program.ts';
import { policies } from './program.ts';
import type { Container } from './script.ts';
import type { World } from './world.ts';

/** How it begins. */
export const beginning: readonly Container[] = [
  { name: 'keep', at: 1 },
  { name: 'vault', at: 2, access: 'family', bypass: ['/health'] },
  { name: 'moved', at: 3, access: 'family' },
  { name: 'gone', at: 4, access: 'friends' },
  { name: 'closes', at: 6 },
  { name: 'opens', at: 7, access: 'family' },
  { name: 'switches', at: 8, access: 'family' },
  { name: 'first', at: 9, host: 'handed-on.example.com' },
  { name: 'roams', at: 11, host: 'roams.example.com', access: 'family' },
  { name: 'edited', at: 12 },
  { name: 'web', at: 13, host: 'parts.example.com' },
  { name: 'admin', at: 14, host: 'parts.example.com', path: '/admin', access: 'family' },
];

/** How it ends. Addresses have gone to other containers, hostnames to other containers and zones, and every kind of access has changed. */
export const ending: readonly Container[] = [
  { name: 'keep', at: 1 },
  { name: 'vault', at: 2, access: 'family', bypass: ['/status'] },
  { name: 'moved', at: 4, access: 'family' },
  { name: 'closes', at: 6, access: 'staff' },
  { name: 'opens', at: 7 },
  { name: 'switches', at: 8, access: 'staff' },
  { name: 'second', at: 9, host: 'handed-on.example.com', access: 'family' },
  { name: 'roams', at: 11, host: 'roams.example.net', access: 'family' },
  { name: 'edited', at: 12 },
  { name: 'web', at: 14, host: 'parts.example.com' },
  { name: 'admin', at: 13, host: 'parts.example.com', path: '/admin', access: 'family' },
  { name: 'fresh', at: 3, access: 'family' },
];

/** From the one to the other, with a record that a person has pointed elsewhere and a policy that says something else now. */
export function upheave(world: World, program: Program): void {
  world.observer.byHand(() => {
    const { records } = world.store;
    const { com } = world.zones;
    const [edited] = records.named(com.id, 'edited.example.com');
    if (edited !== undefined) records.patch(com, edited.id, { proxied: false });
  });
  program.policies = { ...policies, family: { allow: { emails: ['c@example.com'] } } };
  program.show(ending);
}
