/** What moved on the server is known by size and date alone: where these do not tell one file from another, it is fetched. */
import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { withWorld } from '../support/pair-world.ts';

const FILES = { 'a/f1': 'U-a1', 'a/f2': 'U-a2', 'c/f1': 'U-c1', 'c/f2': 'U-c2' };

it('a file that is gone, and whose upload may have had the same date, leaves no move certain', () =>
  withWorld({}, async (world) => {
    const { here, there } = world;
    await here.fill(FILES);
    await world.sync();
    const { mtime } = await stat(there.at('a/f1'));
    await utimes(there.at('c/f1'), mtime, mtime);
    await mkdir(there.at('n'));
    await rm(there.at('a/f1'));
    await rename(there.at('c/f1'), there.at('n/f1'));
    await world.sync();
    expect(await here.read('n/f1')).toBe('U-c1');
    await world.expectQuiet();
  }));

it('two files of one size and date are not told apart by their names', () =>
  withWorld({}, async (world) => {
    const { here, there } = world;
    await here.fill(FILES);
    await world.sync();
    const date = new Date(Date.UTC(2026, 0, 4, 10, 0, 0, 111));
    for (const path of ['a/f1', 'c/f2']) await utimes(there.at(path), date, date);
    await world.sync();
    await mkdir(there.at('n'));
    await rm(there.at('a/f1'));
    await rename(there.at('c/f2'), there.at('n/f1'));
    await world.sync();
    expect(await here.read('n/f1')).toBe('U-c2');
    await world.expectQuiet();
  }));

it('one that can be no other is moved here without a byte', () =>
  withWorld({}, async (world) => {
    const { here, there } = world;
    await here.fill(FILES);
    await world.sync();
    const date = new Date(Date.UTC(2026, 0, 4, 10, 0, 0, 111));
    await utimes(there.at('c/f2'), date, date);
    await world.sync();
    await mkdir(there.at('n'));
    await rename(there.at('c/f2'), there.at('n/other'));
    const { report } = await world.sync();
    expect(report.operations).toMatchObject({ moveLocal: 1, download: 0 });
    await world.expectQuiet();
  }));
