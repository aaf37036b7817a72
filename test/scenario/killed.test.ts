// Rules kept by the API, in a tunnel of somebody else's: whichever write is the last before the process dies, nothing is open and the end is right.
import { testKilled, testKilledUpsertOnly, upheaval } from './killed.ts';

testKilled(upheaval, false);
testKilledUpsertOnly(false);
