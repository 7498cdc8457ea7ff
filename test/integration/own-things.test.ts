/** What rtsync keeps inside the synced folder itself: a whole home folder is synced, state, key file and all. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src/engine/events.ts';
import { type PairWorld, type RunOptions, withWorld } from '../support/pair-world.ts';
import { TEST_KEY } from '../support/server.ts';

const STATE = '.local/state/rtsync';

function insideHome(world: PairWorld): { how: RunOptions; said: string[] } {
  const said: string[] = [];
  const on = (event: EngineEvent): void => {
    if (event.kind === 'notice') said.push(event.message);
  };
  return { how: { stateDir: world.here.at(STATE), observer: { on } }, said };
}

describe('a state folder inside the synced folder', () => {
  it('is left out, which is said once, and no ignore file brings it back', () =>
    withWorld({}, async (world) => {
      const { how, said } = insideHome(world);
      await world.here.fill({ 'a.txt': 'a', '.local/state/other.txt': 'b', '.rtsyncignore': '!**\n' });
      await world.here.write('.local/.rtsyncignore', '!rtsync\n!**\n');
      expect((await world.sync(how)).code).toBe(0);
      await world.here.write('a.txt', 'edited');
      const { code, report } = await world.sync(how);
      expect({ code, up: report.operations.upload }).toEqual({ code: 0, up: 1 });
      expect(await world.there.paths()).toEqual([
        '.local/',
        '.local/.rtsyncignore',
        '.local/state/',
        '.local/state/other.txt',
        '.rtsyncignore',
        'a.txt',
      ]);
      expect(said).toEqual([expect.stringContaining(`"${STATE}" (the state of rtsync)`)]);
      const again = await world.sync(how);
      expect(again.report).toMatchObject({ inSync: true, problems: [] });
      expect(again.report.operations).toMatchObject({ upload: 0, removeRemote: 0 });
    }));

  it('is touched by nothing that comes from the workspace, not even by a mirror', () =>
    withWorld({}, async (world) => {
      const { how } = insideHome(world);
      await world.there.fill({ 'a.txt': 'a', [`${STATE}/from-there.db`]: 'x' });
      expect((await world.pull(how)).code).toBe(0);
      expect(await world.here.read('a.txt')).toBe('a');
      expect(await world.here.paths()).not.toContain(`${STATE}/from-there.db`);
      await world.there.remove('.local');
      expect((await world.pull({ ...how, mode: 'mirror' })).code).toBe(0);
      const left = await world.here.paths();
      expect(left.some((path) => path.startsWith(`${STATE}/`) && path.endsWith('.db'))).toBe(true);
      expect((await world.sync(how)).report.operations).toMatchObject({ compare: 0, upload: 0 });
    }));

  it('is refused when it is the synced folder itself, before any state is written there', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      const { code, stderr } = await world.cli('sync', 'here', 'project', '--state-dir', 'here');
      expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining('--state-dir') });
      expect((await world.here.paths()).filter((path) => path.includes('.db'))).toEqual([]);
      expect(await world.there.paths()).toEqual([]);
    }));

  it('is no matter beside the folder, or in a folder whose name only begins alike', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      const { said } = insideHome(world);
      const observer = { on: (event: EngineEvent) => void (event.kind === 'notice' && said.push('!')) };
      expect((await world.sync({ stateDir: `${world.here.root}-state`, observer })).code).toBe(0);
      expect(said).toEqual([]);
      await world.expectEqual();
    }));
});

describe('a key file inside the synced folder', () => {
  it('never leaves this machine', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'keys/other.txt': 'o' });
      await writeFile(world.here.at('keys/api-key'), TEST_KEY, { mode: 0o600 });
      const file = join(world.home, 'config.json');
      const pairs = [{ folder: 'here', workspace: 'project', name: 'home' }];
      await writeFile(file, JSON.stringify({ apiKeyFile: 'here/keys/api-key', pairs }));
      const sync = () => world.cliWith({ RUNTOOLS_API_KEY: undefined }, '--config', file, 'sync');
      const first = await sync();
      expect(first.code).toBe(0);
      expect(first.stderr).toContain('keys/api-key');
      expect(await world.there.paths()).toEqual(['a.txt', 'keys/', 'keys/other.txt']);
      expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    }));
});
