import { expect, it } from 'vitest';
import { withWorld } from '../../support/pair-world.ts';

it('a dry run tells its plan, to people and to programs; a real run has none', () =>
  withWorld({ pair: { maxDelete: { files: 0, percent: 0 } } }, async (world) => {
    await world.here.write('old.txt', 'a file that moves');
    await world.here.write('gone.txt', 'a file that goes');
    expect((await world.sync()).report).not.toHaveProperty('plan');
    await world.here.rename('old.txt', 'new.txt');
    await world.here.remove('gone.txt');
    await world.here.write('up.txt', 'x');
    const { report } = await world.sync({ dryRun: true });
    expect(report.plan).toEqual([
      { kind: 'moveRemote', path: 'old.txt', other: 'new.txt' },
      { kind: 'upload', path: 'up.txt' },
    ]);
    expect(report.held).toMatchObject([{ path: 'gone.txt', side: 'remote' }]);
    const { stdout } = await world.cli('sync', '--dry-run', '--config', 'pair.json', '--log-level', 'error');
    expect(stdout).toContain('\n  → old.txt is now new.txt\n  → up.txt\n  held 1 delete');
  }));
