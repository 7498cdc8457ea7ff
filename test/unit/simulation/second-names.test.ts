/** What passes for the undoing of a deed beside which a person deleted the file, and what does not. */
import { describe, expect, it } from 'vitest';
import { createSecondNames } from '../../../src/simulation/second-names.ts';
import { createTruth } from '../../../src/simulation/truth.ts';

function scene(source = 'a') {
  const truth = createTruth(() => 0);
  const names = createSecondNames(truth);
  const content = truth.fresh(20, 'm0');
  truth.wrote(content);
  const linked = { path: 'b', before: undefined, after: content, what: `link ${source} -> b` };
  const unlinked = { path: 'b', before: content, after: undefined, what: 'unlink b' };
  expect(names.isUndone(linked)).toBe(false);
  return { truth, names, content, unlinked };
}

describe('a second name that a process takes away', () => {
  it('was an undoing when a person gave the content up since it was made', () => {
    const { truth, names, content, unlinked } = scene();
    truth.gaveUp(content);
    expect(names.isUndone(unlinked)).toBe(true);
    expect(names.isUndone(unlinked)).toBe(false);
  });

  it('was none when nobody gave it up, or only before', () => {
    const { truth, names, content, unlinked } = scene();
    expect(names.isUndone(unlinked)).toBe(false);
    truth.gaveUp(content);
    const linked = { path: 'b', before: undefined, after: content, what: 'link a -> b' };
    names.isUndone(linked);
    expect(names.isUndone(unlinked)).toBe(false);
  });

  it('was none when the process itself took the first name, or shows other content, or is another one', () => {
    const moved = scene();
    moved.names.isUndone({ path: 'a', before: moved.content, after: undefined, what: 'unlink a' });
    moved.truth.gaveUp(moved.content);
    expect(moved.names.isUndone(moved.unlinked)).toBe(false);

    const edited = scene();
    edited.truth.gaveUp(edited.content);
    const other = edited.truth.fresh(20, 'm0');
    expect(edited.names.isUndone({ ...edited.unlinked, before: other })).toBe(false);

    const killed = scene();
    killed.names.died();
    killed.truth.gaveUp(killed.content);
    expect(killed.names.isUndone(killed.unlinked)).toBe(false);
  });

  it('was none where it came from our own folder', () => {
    const { truth, names, content, unlinked } = scene('.rtsync/tmp/1');
    truth.gaveUp(content);
    expect(names.isUndone(unlinked)).toBe(false);
  });
});
