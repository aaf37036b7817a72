// Reading a release's number, and what it knows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abilitiesOf, formatVersion, parseVersion } from '../../../src/connector/cloudflared/version.ts';

const answers = [
  { text: 'cloudflared version 2023.7.3 (built unknown)\n', version: '2023.7.3' },
  { text: 'cloudflared version 2026.8.2 (built 2026-08-20-1000 UTC)', version: '2026.8.2' },
  { text: 'cloudflared version 2024.11.1 (built x with BuildType)', version: '2024.11.1' },
  { text: 'cloudflared version DEV (built unknown)', version: 'unknown' },
  { text: 'curl 8.1.2', version: 'unknown' },
  { text: '', version: 'unknown' },
];
for (const { text, version } of answers) {
  test(`the version in ${JSON.stringify(text)} is ${version}`, () => {
    assert.equal(formatVersion(parseVersion(text)), version);
  });
}

const known = [
  { version: '2023.3.9', flags: [] },
  { version: '2023.7.0', flags: ['managementHostname'] },
  { version: '2023.7.3', flags: ['managementHostname', 'managementDiagnostics'] },
  { version: '2025.6.0', flags: ['managementHostname', 'managementDiagnostics'] },
  { version: '2025.6.1', flags: ['managementHostname', 'managementDiagnostics', 'jsonLog'] },
  { version: '2026.3.0', flags: ['managementHostname', 'managementDiagnostics', 'jsonLog'] },
  { version: '2026.5.0', flags: ['managementHostname', 'managementDiagnostics', 'jsonLog', 'prechecks'] },
  { version: '2027.1.0', flags: ['managementHostname', 'managementDiagnostics', 'jsonLog', 'prechecks'] },
  { version: 'DEV', flags: ['managementHostname', 'managementDiagnostics'] },
];
for (const { version, flags } of known) {
  test(`${version} is given only flags it knows: ${flags.join(', ') || 'none'}`, () => {
    const abilities = abilitiesOf(parseVersion(`cloudflared version ${version} (built unknown)`));
    const has = Object.entries(abilities).filter(([, isKnown]) => isKnown);
    assert.deepEqual(
      has.map(([name]) => name),
      flags,
    );
  });
}
