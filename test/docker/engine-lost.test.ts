// The engine itself is killed under running containers: what is known keeps serving, and what happened meanwhile is found when it is back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Program, startProgram, until } from '../program/program.ts';
import { makeWebImage } from './containers.ts';
import { type EnginePlace, launchEngine, makePlace, mayNotStart, type RunningEngine, removePlace } from './engine.ts';

describe('an engine that dies', { skip: mayNotStart() ?? false }, () => {
  let place: EnginePlace;
  let engine: RunningEngine;
  let program: Program;

  const endpoint = () => `unix://${place.socket}`;
  const docker = (...args: string[]) =>
    execFileSync('docker', ['-H', endpoint(), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const state = (name: string) => program.status().services.find((one) => one.name === name)?.state;

  before(async () => {
    place = makePlace();
    engine = await launchEngine(place);
    makeWebImage('example/web:1', 80, 'still here', { endpoint: endpoint() });
    docker('run', '-d', '--name', 'web', '--label', 'sallyport.enable=true', 'example/web:1');
    program = await startProgram({ docker: { endpoints: [endpoint()] } });
    await program.until('web.localhost', ({ status }) => status === 200);
  });
  after(async () => {
    try {
      await program?.stop();
      docker('rm', '-f', 'web');
    } finally {
      // Whatever went wrong before: an engine left running would go on after the tests.
      await engine?.stop();
      removePlace(place);
    }
  });

  test('its containers, which go on running, go on being served, and the page says what is wrong', async () => {
    await engine.kill();
    await program.pass();
    assert.equal((await program.get('web.localhost')).body, 'still here');
    assert.ok(program.status().diagnostics.some(({ code }) => code === 'E_SOURCE_UNREACHABLE'));
    assert.equal(program.status().complete, false);
  });

  test('when it is back, what it stopped is 503, and what it starts is served', async () => {
    rmSync(`${place.dir}/pid`, { force: true });
    engine = await launchEngine(place);
    // An engine without live-restore ends the containers it finds after a crash.
    await until(
      async () => state('web'),
      (one) => one === 'stopped',
    );
    assert.equal((await program.get('web.localhost')).status, 503);
    docker('start', 'web');
    const answer = await program.until('web.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'still here');
  });
});
