// Rules in our own connector: whichever write is the last before the process dies, nothing is open and the end is right.
import { testKilled, testKilledUpsertOnly } from './killed.ts';

testKilled(true);
testKilledUpsertOnly(true);
