import { describe, expect, it } from 'vitest';
import { bytesInWords, counted, createOutput, wantsColor } from '../../../src/cli/output.ts';

const sink = (isTTY: boolean) => ({ isTTY, write: () => undefined });
const io = (tty: boolean, env: Record<string, string> = {}) => ({
  stdout: sink(tty),
  stderr: sink(tty),
  env,
  cwd: '/',
});

describe('colours', () => {
  it('are for terminals, unless somebody says otherwise', () => {
    expect(wantsColor(io(true))).toBe(true);
    expect(wantsColor(io(false))).toBe(false);
    expect(wantsColor(io(true, { NO_COLOR: '1' }))).toBe(false);
    expect(wantsColor(io(true, { TERM: 'dumb' }))).toBe(false);
    expect(wantsColor(io(false, { FORCE_COLOR: '1' }))).toBe(true);
    expect(createOutput(io(true), { json: false, color: true }).style('red', 'x')).toBe(
      '\u001b[31mx\u001b[39m',
    );
    expect(createOutput(io(true), { json: false, color: false }).style('red', 'x')).toBe('x');
  });
});

describe('words', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1_540_000, '1.5 MB'],
    [999_999, '1.0 MB'],
    [250e9, '250 GB'],
    [5000e12, '5000 TB'],
  ])('%d bytes are %s', (bytes, words) => {
    expect(bytesInWords(bytes)).toBe(words);
  });

  it('count in singular and plural', () => {
    expect([counted(1, 'file'), counted(0, 'file'), counted(2, 'entry', 'entries')]).toEqual([
      '1 file',
      '0 files',
      '2 entries',
    ]);
  });
});
