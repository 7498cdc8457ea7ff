import { expect, it } from 'vitest';
import type { LocalPath } from '../../../src/core/path.ts';
import { relPath } from '../../../src/core/path.ts';
import type { Operation } from '../../../src/core/plan.ts';
import { createIntents, type Intended } from '../../../src/engine/intents.ts';
import { createTrashNotes } from '../../../src/engine/trash-notes.ts';
import { RtsyncError } from '../../../src/lib/errors.ts';
import { openPairState } from '../../../src/state/pair-state.ts';

const identity = { folder: '/f', storage: 's', workspaceId: 'w', remotePath: '' };

/** `slow`: each look at the clock takes a millisecond. */
function desk(slow = false) {
  let time = 0;
  const alarms: (() => void)[] = [];
  const clock = {
    now: () => 5,
    monotonic: () => (slow ? ++time : 0),
    sleep: () => new Promise<void>((resolve) => void alarms.push(resolve)),
  };
  const state = openPairState({ file: ':memory:', identity, clock });
  let commits = 0;
  const counted: typeof state = {
    ...state,
    intend: (all) => {
      commits += all.length > 0 ? 1 : 0;
      return state.intend(all);
    },
  };
  return { state, alarms, commits: () => commits, intents: createIntents({ state: counted, clock }, 7) };
}

/** Only the id of an operation matters here. */
function operation(id: number): Operation {
  return { id } as Operation;
}

function sending(path: string): Intended {
  return { kind: 'upload', path: relPath(path), size: 1, detail: {} };
}

it('the intention of a single deed is written at once, and what is learnt as well', () => {
  const { state, intents } = desk();
  intents.intend(operation(1), sending('a'));
  expect(state.intents()).toMatchObject([{ path: 'a', state: 'intended', cycle: 7, at: 5 }]);
  intents.learn(operation(1), { digest: 'ab'.repeat(32) });
  expect(state.intents()).toMatchObject([{ path: 'a', state: 'begun', digest: 'ab'.repeat(32) }]);
  intents.learn(operation(2), { digest: 'cd'.repeat(32) });
  expect(state.intents()).toHaveLength(1);
});

it('of many deeds what begins in one moment is written together', async () => {
  const { state, intents, alarms, commits } = desk(true);
  for (let id = 0; id < 1000; id += 1) intents.intend(operation(id), sending(`f${id}`));
  expect(commits()).toBeLessThan(150);
  const written = state.intents().length;
  intents.intend(operation(1000), sending('last'));
  expect(state.intents()).toHaveLength(written);
  for (const ring of alarms) ring();
  await new Promise((resolve) => setImmediate(resolve));
  expect(state.intents()).toHaveLength(1001);
});

it('a deed that surely did nothing leaves none, one whose end is open does', () => {
  const { state, intents } = desk();
  for (const id of [1, 2, 3, 4]) intents.intend(operation(id), sending(`f${id}`));
  intents.failed(operation(1), new RtsyncError('changed', 'it changed'));
  intents.failed(operation(2), new RtsyncError('network', 'gone'));
  intents.failed(operation(3), new RtsyncError('changed', { message: 'perhaps', ambiguous: true }));
  intents.skipped(operation(4));
  intents.flush();
  expect(state.intents().map(({ path }) => path)).toEqual(['f2', 'f3']);
});

it('a second intention of one operation takes the place of the first', () => {
  const { state, intents } = desk();
  intents.intend(operation(1), { ...sending('a'), kind: 'compare' });
  intents.intend(operation(1), sending('a'));
  intents.flush();
  expect(state.intents().map(({ kind }) => kind)).toEqual(['upload']);
  expect(intents.idsOf(operation(1))).toEqual(state.intents().map(({ id }) => id));
  intents.close(operation(1));
  expect(intents.idsOf(operation(1))).toEqual([]);
});

it('where a version went is told once, for a folder by what was below it', () => {
  const notes = createTrashNotes();
  const at = (path: string) => path as LocalPath;
  notes.note(at('a/f'), '/root/.rtsync/trash/day/1/a/f');
  notes.note(at('a/b/g'), '/root/.rtsync/trash/day/1/a/b/g');
  notes.note(at('ab'), '/root/.rtsync/trash/day/2/ab');
  expect(notes.take(at('ab'))).toBe('/root/.rtsync/trash/day/2/ab');
  expect(notes.take(at('ab'))).toBeUndefined();
  expect(notes.take(at('a'))).toBe('/root/.rtsync/trash/day/1/a');
  expect(notes.take(at('a'))).toBeUndefined();
});
