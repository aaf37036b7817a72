// What a user of an app is told: with the real hostname, and once for every need.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notesFor } from '../../src/plugin/notes.ts';
import { pluginOf } from './sample.ts';

const app = pluginOf('app', {
  notes: [{ text: 'Set URL=https://{hostname}/ and HOST={hostname}.' }],
  needs: ['uploads', 'streaming'],
}).manifest;

test('notes have the hostname in its place, and the needs after them', () => {
  const notes = notesFor(app, 'app.example.com');
  assert.equal(notes[0], 'Set URL=https://app.example.com/ and HOST=app.example.com.');
  assert.match(notes[1] ?? '', /100 MB/);
  assert.match(notes[2] ?? '', /video/);
  assert.equal(notes.length, 3);
});

test('notes without a hostname say that one is to be filled in', () => {
  assert.match(notesFor(app)[0] ?? '', /https:\/\/<hostname>\//);
});

test('a hostname is taken as it is, whatever signs are in it', () => {
  assert.match(notesFor(app, "$&$1$'")[0] ?? '', /https:\/\/\$&\$1\$'\//);
});
