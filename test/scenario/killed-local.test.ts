// Rules in our own connector: whichever write is the last before the process dies, nothing is open and the end is right.
import { testKilled } from './killed.ts';

// What was there before a write is what was there after the one before it: the rules of a dead connector are gone either way.
testKilled(true, ['kill-after']);
