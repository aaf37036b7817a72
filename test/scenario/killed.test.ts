// Rules kept by the API, in a tunnel of somebody else's: whichever write is the last before the process dies, nothing is open and the end is right.
import { testKilled, testKilledUpsertOnly } from './killed.ts';

testKilled(false);
testKilledUpsertOnly(false);
