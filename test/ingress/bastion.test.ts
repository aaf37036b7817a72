// Where a bastion dials, against cloudflared's answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bastionDestination } from '../../src/ingress/bastion.ts';
import { facts } from './fixtures/cases.ts';

for (const c of facts.bastion)
  test(`${c.value ?? 'no header'} leads to ${c.dest ?? 'nowhere'}`, () => {
    assert.equal(bastionDestination(c.value ?? undefined), c.dest ?? undefined);
  });
