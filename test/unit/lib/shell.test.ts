import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from '../../../src/lib/shell.ts';

it('a plain path is its own word, any other stands in quotes', () => {
  expect(shellWord('/home/me/docs-1.0')).toBe('/home/me/docs-1.0');
  expect(shellWord('/home/me/my docs')).toBe("'/home/me/my docs'");
  expect(shellWord("it's")).toBe(`'it'\\''s'`);
});

it.each(['', 'a b', "it's", '$HOME `id` "x"', '-rf', '~', 'ä*?', 'a\\b', '#a;b&c|d'])(
  'a shell reads %j as one word, unchanged',
  (text) => {
    const read = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' });
    expect(read).toBe(text);
  },
);
