// What is read of /proc.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuMs, readCpuMs, residentMB } from './proc.ts';

test('CPU time is user and system time, whatever the program is called', () => {
  const fields = ['S', '1', '1', '1', '0', '-1', '0', '0', '0', '0', '0', '250', '50', '0', '0'].join(' ');
  assert.equal(readCpuMs(`42 (a) b (c) ${fields}`), 3_000);
});
test('this process has used some of both', { skip: process.platform !== 'linux' && 'not Linux' }, () => {
  assert.ok(cpuMs(process.pid) > 0);
  assert.ok(residentMB(process.pid) > 10);
});
