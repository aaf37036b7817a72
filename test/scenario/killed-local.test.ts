// Rules in our own connector, and a tunnel that is ours to make: whichever write is the last before the process dies, nothing is open and the
// end is right.
import { firstPublication, testKilled, upheaval } from './killed.ts';

testKilled(firstPublication, true);
testKilled(upheaval, true);
