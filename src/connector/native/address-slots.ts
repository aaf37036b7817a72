// Which connection dials which edge address. Pure: each address is a slot for one connection; a bad one is left for another.
import type { EdgeAddress } from '../../model.ts';

/** The slots of a connector. */
export interface AddressSlots {
  readonly size: number;
  /** The address for a connection: the one it has, or the first free one. */
  take(index: number): EdgeAddress;
  /** Gives the slot back; the connection's next `take` prefers another. */
  leave(index: number): void;
  /** Uses newly found addresses for what is taken from now on. Ignored when there are none. */
  update(addresses: readonly EdgeAddress[]): void;
}

/** Slots for these addresses; there must be at least one. */
export function createAddressSlots(initial: readonly EdgeAddress[]): AddressSlots {
  let addresses = initial;
  /** Connection index to slot. */
  const taken = new Map<number, number>();
  const avoided = new Map<number, number>();

  function freeSlot(index: number): number {
    const used = new Set(taken.values());
    const avoid = avoided.get(index);
    // Starting behind the avoided one walks round all addresses instead of swapping between two.
    const first = avoid === undefined ? index : avoid + 1;
    for (let step = 0; step < addresses.length; step++) {
      const slot = (first + step) % addresses.length;
      if (!used.has(slot) && slot !== avoid) return slot;
    }
    return avoid !== undefined && avoid < addresses.length && !used.has(avoid) ? avoid : index % addresses.length;
  }
  return {
    get size() {
      return addresses.length;
    },
    take(index) {
      let slot = taken.get(index);
      if (slot === undefined || slot >= addresses.length) slot = freeSlot(index);
      taken.set(index, slot);
      const address = addresses[slot];
      if (address === undefined) throw new RangeError('there are no edge addresses');
      return address;
    },
    leave(index) {
      const slot = taken.get(index);
      if (slot !== undefined) avoided.set(index, slot);
      taken.delete(index);
    },
    update(found) {
      if (found.length > 0) addresses = found;
    },
  };
}
