import { describe, expect, test } from 'vitest';
import { createIgnoreRules } from '../../../src/core/ignore.ts';
import { ROOT, relPath } from '../../../src/core/path.ts';

const at = relPath;

describe('ignore rules', () => {
  test('leave out litter and keep what people work with', () => {
    const rules = createIgnoreRules([]);
    const out = ['.git', 'deep/.git'].filter((path) => rules.ignores(at(path), true));
    expect(out).toEqual(['.git', 'deep/.git']);
    for (const name of ['.DS_Store', 'Thumbs.db', 'a~', '.a.swp', '.#lock', '4913'])
      expect(rules.ignores(at(name), false)).toBe(true);
    for (const name of ['.gitignore', '.env', 'a.tmp', '4913.txt', '~a'])
      expect(rules.ignores(at(name), false)).toBe(false);
    expect(rules.ignores(at('node_modules'), true)).toBe(false);
  });

  test('tell folders from files where a pattern ends in a slash', () => {
    const rules = createIgnoreRules(['build/']);
    expect([rules.ignores(at('build'), true), rules.ignores(at('build'), false)]).toEqual([true, false]);
  });

  test('tell upper from lower case unless asked not to', () => {
    expect(createIgnoreRules(['*.LOG']).ignores(at('a.log'), false)).toBe(false);
    expect(createIgnoreRules(['*.LOG'], { caseInsensitive: true }).ignores(at('a.log'), false)).toBe(true);
  });

  test('let the file of a deeper folder decide, relative to that folder', () => {
    const rules = createIgnoreRules(['*.log', '/top']).withFile(at('sub'), '!keep.log\n/top');
    expect(rules.ignores(at('keep.log'), false)).toBe(true);
    expect(rules.ignores(at('sub/keep.log'), false)).toBe(false);
    expect(rules.ignores(at('sub/other.log'), false)).toBe(true);
    expect(rules.ignores(at('sub/top'), false)).toBe(true);
    expect(rules.ignores(at('sub/x/top'), false)).toBe(false);
    expect(rules.ignores(at('subway/keep.log'), false)).toBe(true);
  });

  test('judge what lies in a re-included folder by itself', () => {
    const rules = createIgnoreRules(['build/', '*.o']).withFile(at('sub'), '!build/');
    expect(rules.ignores(at('sub/build'), true)).toBe(false);
    expect(rules.ignores(at('sub/build/a.txt'), false)).toBe(false);
    expect(rules.ignores(at('sub/build/a.o'), false)).toBe(true);
  });

  test('never re-include the own folder', () => {
    const rules = createIgnoreRules(['!.rtsync/', '!.rtsync']).withFile(ROOT, '!.rtsync');
    expect(rules.ignores(at('.rtsync'), true)).toBe(true);
    expect(rules.explain(at('a/.rtsync'), true)).toEqual({ pattern: '.rtsync/', origin: 'own' });
  });

  test('say which pattern decided and where it stands', () => {
    const rules = createIgnoreRules(['*.log']).withFile(at('sub'), '*.bak');
    expect(rules.explain(at('a.log'), false)).toEqual({ pattern: '*.log', origin: 'config' });
    expect(rules.explain(at('sub/a.bak'), false)).toEqual({ pattern: '*.bak', origin: 'sub/' });
    expect(rules.explain(at('a~'), false)).toEqual({ pattern: '*~', origin: 'defaults' });
    expect(rules.explain(at('a.txt'), false)).toBeUndefined();
  });

  test('have equal fingerprints exactly when they are equal', () => {
    const one = createIgnoreRules(['a']).withFile(at('x'), 'b').withFile(at('y'), 'c');
    const same = createIgnoreRules(['a'])
      .withFile(at('y'), 'c')
      .withFile(at('x'), 'old')
      .withFile(at('x'), 'b');
    expect(one.fingerprint).toBe(same.fingerprint);
    expect(one.fingerprint).not.toBe(createIgnoreRules(['a']).withFile(at('x'), 'b').fingerprint);
  });
});

test('patterns of names alone say the same at every depth, as they do beside one that speaks of a path', () => {
  const names = ['build/', '*.log', 'a?c', '\\#x', '# nothing', '', '**y', '[bc]at'];
  const alone = createIgnoreRules(names, { defaults: false });
  const beside = createIgnoreRules([...names, 'no/such/path'], { defaults: false });
  for (const name of ['build', 'x.log', 'abc', '#x', 'fooy', 'cat', 'plain', 'no'])
    for (const parent of ['', 'p/', 'p/q/', 'x.log/', 'build/'])
      for (const folder of [true, false]) {
        const path = relPath(`${parent}${name}`);
        expect([path, folder, alone.ignores(path, folder)]).toEqual([
          path,
          folder,
          beside.ignores(path, folder),
        ]);
      }
});

test('rules asked about more paths than a matcher may remember go on as before', () => {
  const rules = createIgnoreRules(['d/*.log']);
  for (let i = 0; i < 5_000; i += 1) {
    expect(rules.ignores(relPath(`d/${i}.log`), false)).toBe(true);
    expect(rules.ignores(relPath(`e/${i}.log`), false)).toBe(false);
  }
});
