/** What is left out though nobody asked for it is told, so that "in sync" is true. */
import { symlink } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { withWorld } from '../support/pair-world.ts';

const leftOut = (path: string, why: RegExp) => ({
  path,
  code: 'left-out',
  message: expect.stringMatching(why),
});

it('a symlink here under the name of a file there is told, and the file comes once it is out of the way', () =>
  withWorld({}, async (world) => {
    await world.here.write('a.txt', 'a');
    await symlink('/etc/hostname', world.here.at('alone'));
    await symlink('/etc/hostname', world.here.at('both'));
    await world.there.write('both', 'of the agent');
    const { code, report } = await world.sync();
    expect({ code, inSync: report.inSync }).toEqual({ code: 4, inSync: false });
    expect(report.problems).toEqual([leftOut('both', /^here it is a symlink/)]);

    await world.here.remove('both');
    expect((await world.sync()).code).toBe(0);
    expect(await world.here.read('both')).toBe('of the agent');
    expect(await world.there.paths()).toEqual(['a.txt', 'both']);
  }));

it('a copy of a synced folder is told, and goes up once it is a pair no more', () =>
  withWorld({}, async (world) => {
    await world.here.fill({ 'a.txt': 'a', 'copy/.rtsync/pair.json': '{}', 'copy/b.txt': 'b' });
    const { code, report } = await world.sync();
    expect(code).toBe(4);
    expect(report.problems).toEqual([
      leftOut('copy', /another pair .*move the \.rtsync in it away to sync it here/),
    ]);
    expect(await world.there.paths()).toEqual(['a.txt']);

    await world.here.remove('copy/.rtsync');
    expect((await world.sync()).code).toBe(0);
    expect(await world.there.paths()).toEqual(['a.txt', 'copy/', 'copy/b.txt']);
  }));

it('a copy of a synced folder is told by every run, however deep it lies in what is in sync', () =>
  withWorld({}, async (world) => {
    await world.here.fill({ 'in/a.txt': 'a', 'in/deep/copy/.rtsync/pair.json': '{}', 'in/deep/b.txt': 'b' });
    for (const run of ['first', 'second']) {
      const { code, report } = await world.sync();
      expect({ run, code }).toEqual({ run, code: 4 });
      expect(report.problems).toEqual([leftOut('in/deep/copy', /another pair/)]);
    }
  }));
