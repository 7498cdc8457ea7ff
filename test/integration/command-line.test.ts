/** The command line as a person meets it: what it prints, how it ends, and one plain sentence for every mistake. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { openPairState } from '../../src/state/pair-state.ts';
import { type CliRun, type PairWorld, withWorld } from '../support/pair-world.ts';

/** Exit code, and exactly one line on stderr that says it; nothing that looks like a stack or a key. */
function expectSentence(run: CliRun, code: number, ...parts: readonly (string | RegExp)[]): void {
  expect(run.stderr).toMatch(/^rtsync: [^\n]+\n$/);
  for (const part of parts) expect(run.stderr).toMatch(part);
  expect(run.stderr).not.toMatch(/\bat \S+ \(|rt_test_|undefined|\[object/);
  expect({ code: run.code, stdout: run.stdout }).toEqual({ code, stdout: '' });
}

async function configFile(world: PairWorld, content: unknown): Promise<string> {
  const file = join(world.home, 'config.json');
  await writeFile(file, JSON.stringify(content));
  return file;
}

describe('sync, push and pull', () => {
  it('say in one line what they did, and nothing else', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'd/b.txt': 'b' });
      const first = await world.cli('push', 'here', 'project');
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(first.stdout).toMatch(
        /^project: in sync; 2 up \(2 B\), 1 new folder \(\d+\.\d s, \d+ requests\)\n$/,
      );
      expect((await world.cli('sync', 'here', 'project')).stdout).toMatch(
        /^project: in sync, nothing to do \(/,
      );
      await world.expectEqual();
    }));

  it('print one object with --json, which says the same as the exit code', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'mine');
      await world.there.write('a.txt', 'theirs');
      const { code, stdout } = await world.cli('--json', 'sync', 'here', 'project:/');
      expect(code).toBe(4);
      expect(stdout.trim().split('\n')).toHaveLength(1);
      const [copy] = await world.here.copies();
      expect(JSON.parse(stdout)).toMatchObject({
        ...{ version: 1, pair: 'project', direction: 'both', dryRun: false, held: [], problems: [] },
        conflicts: [{ path: 'a.txt', copy }],
        requests: { total: expect.any(Number), byKind: { upload: expect.any(Number) } },
      });
    }));

  it('tell a conflict, a held delete and a blocked file to people', () =>
    withWorld({ uploadLimitBytes: 100 }, async (world) => {
      await world.here.fill({ 'a.txt': 'mine', 'b.txt': 'b' });
      await world.there.write('a.txt', 'theirs');
      await world.here.write('large.bin', 'x'.repeat(200));
      const run = await world.cli('sync', 'here', 'project', '--log-level', 'error');
      expect(run).toMatchObject({ code: 4, stderr: '' });
      expect(run.stdout).toMatch(/not everything is in sync/);
      expect(run.stdout).toMatch(/conflict a\.txt: the version from here is now a \(conflict .*\)\.txt/);
      expect(run.stdout).toMatch(/too-large .*large\.bin/);
      await world.here.empty();
      const held = await world.cli('sync', 'here', 'project', '--log-level', 'error');
      expect(held.code).toBe(3);
      expect(held.stdout).toMatch(
        /held .* in the workspace \(gone here\), since the local folder has no files any more/,
      );
      expect(await world.there.paths()).not.toEqual([]);
    }));

  it('name the command that lets what is held pass, which a shell can read', () =>
    withWorld({}, async (world) => {
      const folder = join(world.home, "it's mine");
      await mkdir(folder);
      await world.there.fill({ 'a.txt': 'a', 'b.txt': 'b' });
      expect((await world.cli('sync', folder, 'project')).code).toBe(0);
      await world.there.remove('a.txt', 'b.txt');
      const held = await world.cli('sync', folder, 'project');
      expect(held.stdout).toContain('held 2 deletes here (gone in the workspace), since');
      const command = /^ {2}2 deletes wait; to let exactly these pass: rtsync (approve .*)$/m.exec(
        held.stdout,
      );
      expect(held.stderr).toContain(JSON.stringify(command?.[1] ?? 'none').slice(1, -1));
      const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command?.[1]}`], { encoding: 'utf8' });
      expect(words).toBe(`approve\n--state-dir\n${world.stateDir}\n${folder}\n`);
      expect((await world.cli(...words.trimEnd().split('\n'))).code).toBe(0);
      expect((await world.cli('sync', folder, 'project')).stdout).toContain('2 deleted here');
    }));

  it('--dry-run of a command changes nothing', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      const { code, stdout } = await world.cli('push', '--dry-run', 'here', 'project');
      expect(stdout).toMatch(
        /^project: would do: 1 up \(about \d+ requests, \d+ of them to look, 1 B(, about \d+ s at [\d,]+ requests a minute)?\)\n {2}→ a\.txt\n$/,
      );
      expect(code).toBe(0);
      expect(await world.there.paths()).toEqual([]);
    }));
});

describe('--json of a run that comes to no report', () => {
  const shape = {
    ...{ version: 1, inSync: false, held: [], conflicts: [], bytes: { up: 0, down: 0 } },
    durationMs: expect.any(Number),
    requests: { total: expect.any(Number), byKind: expect.any(Object) },
    operations: expect.objectContaining({ upload: 0, conflict: 0 }),
  };

  /** One object and the sentence, which say the same. */
  function expectTold(told: CliRun, exit: number, code: string): void {
    expect(told.stdout.trim().split('\n')).toHaveLength(1);
    const object = JSON.parse(told.stdout);
    expect(object).toMatchObject({ ...shape, problems: [{ path: '', code }] });
    expect(told.stderr).toContain(object.problems[0].message);
    expect(told.code).toBe(exit);
  }

  it('since it is halted says so, with the exit code of the sentence', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
      await world.here.remove('.rtsync/pair.json');
      for (const [verb, direction] of [
        ['sync', 'both'],
        ['push', 'push'],
        ['pull', 'pull'],
      ] as const) {
        const told = await world.cli('--json', verb, 'here', 'project');
        expectTold(told, 3, 'halted');
        expect(JSON.parse(told.stdout)).toMatchObject({ pair: 'project', direction, dryRun: false });
      }
      await world.here.remove('.rtsync');
      await world.there.empty({ all: true });
      expectTold(await world.cli('--json', 'sync', 'here', 'project', '--dry-run'), 3, 'halted');
    }));

  it('since it could not start says so, but for wrong usage', () =>
    withWorld({}, async (world) => {
      const json = (...args: string[]) => world.cli('--json', ...args);
      expectTold(await json('sync', 'nowhere', 'project'), 78, 'no-folder');
      expectTold(await json('pull', 'here', 'projetc'), 78, 'no-workspace');
      const keyless = await world.cliWith(
        { RUNTOOLS_API_KEY: undefined },
        '--json',
        'sync',
        'here',
        'project',
      );
      expectTold(keyless, 77, 'key-missing');
      expectTold(await json('sync', '--config', 'missing.json', 'here', 'project'), 78, 'config');
      expect(await json('sync', '--mirro')).toMatchObject({ code: 2, stdout: '' });
      expect(await json('sync')).toMatchObject({ code: 2, stdout: '' });
      await world.test.server.close();
      expectTold(await json('sync', 'here', 'project'), 75, 'network');
    }));

  it('of several pairs stands beside the reports of the others', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      const pairs = [
        { folder: 'nowhere', workspace: 'project', path: 'sub', name: 'first' },
        { folder: 'here', workspace: 'project', path: 'other', name: 'second' },
      ];
      const run = await world.cli('--json', '--config', await configFile(world, { pairs }), 'sync');
      const objects = run.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(objects).toMatchObject([
        { pair: 'first', inSync: false, problems: [{ code: 'no-folder' }] },
        { pair: 'second', inSync: true, problems: [] },
      ]);
      expect(run.code).toBe(78);
    }));
});

describe('a mistake with the key', () => {
  it('missing', () =>
    withWorld({}, async (world) => {
      expectSentence(
        await world.cliWith({ RUNTOOLS_API_KEY: undefined }, 'sync', 'here', 'project'),
        77,
        'no API key',
        'RUNTOOLS_API_KEY',
      );
    }));

  it('wrong', () =>
    withWorld({}, async (world) => {
      const run = await world.cliWith(
        { RUNTOOLS_API_KEY: 'rt_live_wrong_0123456789' },
        'sync',
        'here',
        'project',
      );
      expectSentence(run, 77, /key/);
      expect(run.stderr).not.toContain('wrong_0123456789');
    }));

  it('without the right to write', () =>
    withWorld({ keys: [{ key: 'rt_live_reader_00000000', scopes: ['files:read'] }] }, async (world) => {
      await world.here.write('a.txt', 'a');
      await world.there.write('b.txt', 'b');
      const env = { RUNTOOLS_API_KEY: 'rt_live_reader_00000000' };
      expectSentence(await world.cliWith(env, 'push', 'here', 'project'), 77, /key|permi|scope/);
      const pulled = await world.cliWith(env, 'pull', 'here', 'project');
      expect(await world.here.read('b.txt')).toBe('b');
      expect(pulled.code).toBe(4);
    }));
});

describe('a mistake with an end of the pair', () => {
  it('a workspace that does not exist: those that come near are named', () =>
    withWorld({}, async (world) => {
      expectSentence(await world.cli('sync', 'here', 'projetc'), 78, 'projetc', 'did you mean "project"');
      expectSentence(
        await world.cli('sync', 'here', 'entirely-else'),
        78,
        'there is no workspace "entirely-else"',
      );
    }));

  it('a workspace that is gone: the pair is halted, and no other is named as if it were meant', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'projects' }] }, async (world) => {
      await world.here.write('a.txt', 'a');
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
      const slip = await world.cli('sync', 'here', 'projecta');
      expectSentence(slip, 78, 'did you mean "project"', /here is synced with the workspace "project"\n$/);
      const aside = join(world.home, 'aside');
      await rename(world.test.folder, aside);
      for (const verb of ['sync', 'push', 'pull']) {
        const gone = await world.cli(verb, 'here', 'project');
        expectSentence(
          gone,
          3,
          'the workspace "project", with which',
          world.here.root,
          'is gone',
          'Bring it back',
        );
        expect(gone.stderr).not.toContain('did you mean');
      }
      expect(await world.here.paths()).toEqual(['a.txt']);
      await mkdir(join(world.home, 'new'));
      expectSentence(await world.cli('sync', 'new', 'project'), 78, 'did you mean "projects"');
      await rename(aside, world.test.folder);
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
      await world.expectEqual();
    }));

  it('a folder that does not exist, or is a file', () =>
    withWorld({}, async (world) => {
      expectSentence(await world.cli('sync', 'nowhere', 'project'), 78, 'nowhere does not exist');
      expectSentence(await world.cli('push', 'nowhere', 'project'), 78, 'nowhere does not exist');
      await writeFile(join(world.home, 'file'), '');
      for (const verb of ['sync', 'push', 'pull'])
        expectSentence(await world.cli(verb, 'file', 'project'), 78, 'not a folder');
    }));

  it('a pair inside a pair', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'other' }] }, async (world) => {
      await world.here.write('inner/a.txt', 'a');
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
      expectSentence(await world.cli('sync', 'here/inner', 'other'), 78, 'lies inside the synced folder');
    }));

  it('a pair around a pair, until that one is ended', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'other' }] }, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'inner/b.txt': 'b' });
      const around = () => world.cli('sync', 'here', 'project');
      const inner = () => world.cli('sync', 'here/inner', 'other');
      expect((await inner()).code).toBe(0);
      expectSentence(await around(), 78, 'which is synced by itself', world.here.at('inner'));
      expect((await inner()).code).toBe(0);
      await world.here.remove('inner/.rtsync');
      expect((await around()).code).toBe(0);
      expect(await world.there.paths()).toEqual(['a.txt', 'inner/', 'inner/b.txt']);
      expectSentence(await inner(), 78, 'lies inside the synced folder');
      expect((await around()).code).toBe(0);
    }));

  it('a pair around a pair of another state folder: both are told which to end, and how', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'other' }] }, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'inner/b.txt': 'b' });
      const around = () => world.cli('sync', 'here', 'project');
      const inner = () => world.cli('sync', 'here/inner', 'other', '--state-dir', 'elsewhere');
      expect((await inner()).code).toBe(0);
      const told = await around();
      expect(told.code).toBe(4);
      expect(told.stdout).toMatch(
        /left-out inner: .*cannot be started while this one is around it: move the \.rtsync in it away to sync it here/,
      );
      const refused = await inner();
      expectSentence(refused, 78, 'is synced by itself');
      const folder = world.here.root;
      expect(refused.stderr).toContain(
        `move ${folder}/.rtsync away, which ends that pair, to go on with this one`,
      );
      expect(refused.stderr).toContain(`or ${folder}/inner/.rtsync, which ends this one`);

      // What both are told to do works.
      await rename(world.here.at('.rtsync'), join(world.home, 'away'));
      await world.here.write('inner/c.txt', 'c');
      expect((await inner()).code).toBe(0);
      await rename(join(world.home, 'away'), world.here.at('.rtsync'));
      await rename(world.here.at('inner/.rtsync'), join(world.home, 'away'));
      expect((await around()).code).toBe(0);
      expect(await world.there.paths()).toEqual(['a.txt', 'inner/', 'inner/b.txt', 'inner/c.txt']);
    }));

  it('a workspace path that is a file, or is not there to be pulled', () =>
    withWorld({}, async (world) => {
      await world.there.write('a.txt', 'a');
      for (const verb of ['sync', 'push', 'pull'])
        expectSentence(
          await world.cli(verb, 'here', 'project:/a.txt', '--state-dir', verb),
          78,
          'a.txt is a file',
        );
      const missing = await world.cli('pull', 'here', 'project:/missing/folder', '--state-dir', 'missing');
      expectSentence(missing, 78, 'does not exist');
      expect(await world.there.read('a.txt')).toBe('a');
      expect((await world.cli('push', 'here', 'project:/made/folder')).code).toBe(0);
      expect(await world.there.paths()).toEqual(['a.txt', 'made/', 'made/folder/']);
    }));

  it('text that is no workspace and path', () =>
    withWorld({}, async (world) => {
      for (const end of ['', ':', ':/a', 'a/b', 'project:/../x', 'project:/.rtsync'])
        expectSentence(await world.cli('sync', 'here', end), 2, 'WORKSPACE');
      expectSentence(await world.cli('sync'), 2, 'nothing to sync');
      expectSentence(await world.cli('sync', 'here'), 2, 'no pair');
    }));
});

describe('a mistake in the configuration', () => {
  it('a misspelt key: the nearest is named', () =>
    withWorld({}, async (world) => {
      const pair = { folder: 'here', workspace: 'project' };
      const cases: readonly (readonly [unknown, string])[] = [
        [{ pears: [] }, 'did you mean "pairs"'],
        [{ pairs: [{ ...pair, ignroe: ['x'] }] }, 'did you mean "ignore"'],
        [{ pairs: [{ ...pair, conflicts: [{ match: '*', polcy: 'local' }] }] }, 'did you mean "policy"'],
        [{ pairs: [{ ...pair, maxDelete: { file: 1 } }] }, 'did you mean "files"'],
        [{ server: { apiURL: 'x' } }, 'did you mean "apiUrl"'],
        [{ pairs: [{ ...pair, direction: 'up' }] }, 'must be one of both, push, pull, not "up"'],
        [{ apiKey: 'rt_live_0123456789abcdef' }, 'apiKeyFile'],
      ];
      for (const [content, part] of cases) {
        const run = await world.cli('--config', await configFile(world, content), 'sync');
        expectSentence(run, 78, part);
        expect(run.stderr).not.toContain('0123456789abcdef');
      }
    }));

  it('no JSON, or no file', () =>
    withWorld({}, async (world) => {
      await writeFile(join(world.home, 'broken.json'), '{\n  "pairs": [,]\n}');
      expectSentence(await world.cli('--config', 'broken.json', 'sync'), 78, 'line 2');
      expectSentence(await world.cli('--config', 'missing.json', 'sync'), 78, 'missing.json');
    }));

  it('two pairs that would sync the same files', () =>
    withWorld({}, async (world) => {
      await mkdir(world.here.at('inner'));
      const pairs = [
        { folder: 'here', workspace: 'project' },
        { folder: 'here/inner', workspace: 'other' },
      ];
      expectSentence(
        await world.cli('--config', await configFile(world, { pairs }), 'sync'),
        78,
        'would sync the same files',
      );
    }));

  it('a pair on the command line that would sync the same files as one of the configuration', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'other' }] }, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'inner/b.txt': 'b' });
      await symlink(world.here.root, join(world.home, 'link'));
      const pair = { folder: 'here', workspace: 'project', name: 'mine' };
      const file = await configFile(world, { pairs: [pair] });
      const sync = (...ends: string[]) => world.cli('--config', file, 'sync', ...ends);
      for (const ends of [
        ['here/inner', 'other'],
        ['.', 'other'],
        ['link/inner', 'project:/inner'],
        ['here', 'project:/sub'],
        ['link', 'other'],
      ])
        expectSentence(await sync(...ends), 78, 'shares files with', 'mine');
      expect(await world.there.paths()).toEqual([]);
      // The same pair in other words is no second one, and another folder may have the same workspace.
      expect((await sync('link', world.test.workspaceId)).code).toBe(0);
      await mkdir(join(world.home, 'elsewhere'));
      expect((await sync('elsewhere', 'project:/inner')).code).toBe(0);
      expect((await sync()).code).toBe(0);
      await world.expectEqual();
    }));

  it('plain http to another machine, before the key or a name leaves this one', () =>
    withWorld({}, async (world) => {
      for (const name of ['RUNTOOLS_STORAGE_URL', 'RUNTOOLS_API_URL'])
        expectSentence(
          await world.cliWith({ [name]: 'http://storage.example.org' }, 'sync', 'here', 'project'),
          78,
          'unencrypted',
          name,
        );
      expectSentence(
        await world.cliWith({ RUNTOOLS_STORAGE_URL: 'ftp://x' }, 'sync', 'here', 'project'),
        78,
        'no address of a server',
      );
    }));
});

describe('a mistake on the command line', () => {
  it('an unknown option or command, too many words, a key in the open', () =>
    withWorld({}, async (world) => {
      expectSentence(await world.cli('sync', '--mirro'), 2, 'unknown option');
      expectSentence(await world.cli('sink', 'here', 'project'), 2, 'unknown command', 'Did you mean sync');
      expectSentence(await world.cli('sync', 'here', 'project', 'more'), 2, 'too many arguments');
      expectSentence(await world.cli('sync', '--log-level', 'loud'), 2, 'Allowed choices');
      expectSentence(
        await world.cli('sync', 'here', 'project', '--api-key', 'rt_live_0123456789'),
        2,
        'never taken from the command line',
      );
    }));
});

describe('a state that cannot be used', () => {
  it('belongs to another process: try later', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
      const [file = ''] = (await readdir(world.stateDir)).filter((name) => name.endsWith('.db'));
      const identity = {
        folder: world.here.root,
        storage: world.test.origin,
        workspaceId: world.test.workspaceId,
        remotePath: '',
      };
      const other = openPairState({ file: join(world.stateDir, file), identity, clock: systemClock() });
      try {
        expectSentence(await world.cli('sync', 'here', 'project'), 75, 'another rtsync is at work');
      } finally {
        other.close();
      }
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
    }));

  it('belongs to another workspace, or to another folder of it', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'other' }] }, async (world) => {
      await world.here.write('a.txt', 'a');
      expect((await world.cli('sync', 'here', 'project')).code).toBe(0);
      expectSentence(await world.cli('sync', 'here', 'other'), 78, 'this state belongs to');
      expectSentence(await world.cli('sync', 'here', 'project:/sub'), 78, 'this state belongs to');
      expect(await world.there.paths()).toEqual(['a.txt']);
    }));

  it('lies where nothing can be written', () =>
    withWorld({}, async (world) => {
      await writeFile(join(world.home, 'file'), '');
      expectSentence(
        await world.cliWith({}, 'sync', 'here', 'project', '--state-dir', 'file/below'),
        78,
        'file',
      );
    }));
});

describe('a server that is not there', () => {
  it('ends with try later, and says which', () =>
    withWorld({}, async (world) => {
      await world.test.server.close();
      expectSentence(await world.cli('sync', 'here', 'project'), 75);
    }));
});
