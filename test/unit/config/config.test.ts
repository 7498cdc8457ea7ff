import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigPlaces, loadConfig } from '../../../src/config.ts';
import { isCode } from '../../../src/lib/errors.ts';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(path.join(os.tmpdir(), 'rtsync-config-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

function load(places: Partial<ConfigPlaces> = {}) {
  return loadConfig({ env: {}, cwd: home, home, ...places });
}

async function loadText(content: unknown, places: Partial<ConfigPlaces> = {}) {
  const file = path.join(home, 'c.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return load({ file, ...places });
}

const PAIR = { folder: 'a', workspace: 'w' };

describe('the configuration', () => {
  it('is complete without a file', async () => {
    const { config, file, expectedFile } = await load();
    expect(file).toBeUndefined();
    expect(expectedFile).toBe(path.join(home, '.config/rtsync/config.json'));
    expect(config).toMatchObject({
      server: {
        apiUrl: 'https://api.runtools.ai',
        storageUrl: 'https://storage.runtools.ai',
        auth: 'auto',
        concurrency: 32,
      },
      pairs: [],
      stateDir: path.join(home, '.local/state/rtsync'),
      logLevel: 'info',
    });
  });

  it('is looked for where --config, RTSYNC_CONFIG and XDG_CONFIG_HOME say, in this order', async () => {
    for (const name of ['option', 'env', 'xdg/rtsync/config']) {
      const file = path.join(home, `${name}.json`);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, '{}');
    }
    const env: Record<string, string> = { XDG_CONFIG_HOME: path.join(home, 'xdg') };
    expect((await load({ env })).file).toBe(path.join(home, 'xdg/rtsync/config.json'));
    env.RTSYNC_CONFIG = '~/env.json';
    expect((await load({ env })).file).toBe(path.join(home, 'env.json'));
    expect((await load({ env, file: 'option.json' })).file).toBe(path.join(home, 'option.json'));
  });

  it('must exist when it was named', async () => {
    await expect(load({ file: 'none.json' })).rejects.toThrow(
      `${home}/none.json (from --config) does not exist`,
    );
  });

  it('takes the file of examples as it is', async () => {
    const example = path.join(import.meta.dirname, '../../../config.example.json');
    const { config } = await loadText(await readFile(example, 'utf8'));
    expect(config.pairs.map((pair) => [pair.name, pair.folder, pair.path, pair.direction])).toEqual([
      ['docs', path.join(home, 'projects/docs'), 'docs', 'both'],
      ['website', path.join(home, 'projects/site'), '', 'push'],
    ]);
    expect(config.pairs[0]?.conflicts).toEqual([
      { match: '**/*.lock', policy: 'newer' },
      { match: 'drafts/**', policy: 'local' },
      { match: '**', policy: 'keep-both' },
    ]);
    expect(config.pairs[0]?.trash).toEqual({
      remote: true,
      days: 30,
      localBytes: null,
      remoteBytes: 10_000_000_000,
    });
    expect(config.pairs[1]?.maxDelete).toBe(false);
    expect(config.apiKeyFile).toBe(path.join(home, '.config/rtsync/api-key'));
  });

  it('fills in what a pair leaves out, also inside of objects', async () => {
    const { config } = await loadText({
      pairs: [{ ...PAIR, maxDelete: { files: 3 }, trash: { remote: false } }],
    });
    expect(config.pairs[0]).toMatchObject({
      folder: path.join(home, 'a'),
      maxDelete: { files: 3, percent: 25 },
      trash: { remote: false, days: 30, localBytes: null, remoteBytes: null },
      pollSeconds: 30,
      maxStalenessSeconds: 900,
      uploadLimitBytes: 100_000_000,
    });
  });
});

it('a limit of the trash may be a number or null', async () => {
  const trash = { days: 3_650, localBytes: 1, remoteBytes: null };
  const { config } = await loadText({ pairs: [{ ...PAIR, trash }] });
  expect(config.pairs[0]?.trash).toEqual({ remote: true, ...trash });
});

describe('a mistake in the configuration', () => {
  it.each([
    [{ sever: {} }, 'unknown key "sever", did you mean "server"?'],
    [
      { pairs: [{ ...PAIR, poolSeconds: 3 }] },
      'unknown key "poolSeconds" in pairs[0], did you mean "pollSeconds"?',
    ],
    [{ server: { zzzzzzzzzz: 1 } }, 'unknown key "zzzzzzzzzz" in server'],
    [{ pairs: [{ folder: 'a' }] }, 'pairs[0].workspace is missing; it must be a text'],
    [
      { pairs: [{ ...PAIR, direction: 'up' }] },
      'pairs[0].direction must be one of both, push, pull, not "up"',
    ],
    [
      { server: { concurrency: '8' } },
      'server.concurrency must be requests at once, a whole number from 1 to 256, not "8"',
    ],
    [
      { pairs: [{ ...PAIR, trash: { remote: 'yes' } }] },
      'pairs[0].trash.remote must be true or false, not "yes"',
    ],
    [
      { pairs: [{ ...PAIR, trash: { days: 0 } }] },
      'pairs[0].trash.days must be days, a whole number from 1 to 3650, not 0',
    ],
    [
      { pairs: [{ ...PAIR, trash: { remoteBytes: '1 GB' } }] },
      'pairs[0].trash.remoteBytes must be null for no limit, or bytes, a whole number from 1, not "1 GB"',
    ],
    [
      { pairs: [{ ...PAIR, trash: { localByte: 5 } }] },
      'unknown key "localByte" in pairs[0].trash, did you mean "localBytes"?',
    ],
    [
      { pairs: [{ ...PAIR, maxDelete: { percent: 200 } }] },
      'pairs[0].maxDelete.percent must be percent, a whole number from 0 to 100, not 200',
    ],
    [
      { pairs: [{ ...PAIR, maxDelete: true }] },
      'pairs[0].maxDelete must be {"files": N, "percent": N}, or false, not true',
    ],
    [
      { pairs: [{ ...PAIR, conflicts: [{ match: '*', policy: 'mine' }] }] },
      'pairs[0].conflicts[0].policy must be one of keep-both',
    ],
    [{ pairs: [{ ...PAIR, path: 'a/../b' }] }, 'pairs[0].path "a/../b" is no folder inside a workspace'],
    [[], 'the whole must be an object in braces, not a list'],
    ['{\n  "logLevel": "info",\n}', 'line 3, column 1: no comma may stand before "}"'],
    ['{"a": 1 // note\n}', 'line 1, column 9: expected "," or "}"'],
    ["{'a': 1}", 'line 1, column 2: expected a key in double quotes'],
    ['{"a": tru}', 'line 1, column 7: expected a value'],
    ['{"a": [1, 2', 'line 1, column 12: expected "," or "]"'],
    ['', 'line 1, column 1: expected a value'],
  ])('%j is told as: %s', async (content, message) => {
    const error = await loadText(content).catch((thrown: unknown) => thrown);
    expect(error).toSatisfy((thrown) => isCode(thrown, 'config'));
    expect(String(error)).toContain(message);
    expect(String(error)).toContain('c.json');
  });

  it.each([
    { apiKey: 'rt_live_abcdef123' },
    { server: { token: 'abcdef123' } },
    { pairs: [{ ...PAIR, name: 'rt_test_abcdef123' }] },
  ])('a key in the file itself is refused without showing it: %#', async (content) => {
    const message = String(await loadText(content).catch((thrown: unknown) => thrown));
    expect(message).toContain(
      'put it into a file of mode 0600 and name that in "apiKeyFile", or set RUNTOOLS_API_KEY',
    );
    expect(message).not.toContain('abcdef123');
  });
});

describe('addresses of servers', () => {
  it('may end in /v1 or not, and the environment wins over the file', async () => {
    const server = { apiUrl: 'https://a.example/v1/', storageUrl: 'https://s.example' };
    const { config, settings } = await loadText(
      { server },
      { env: { RUNTOOLS_STORAGE_URL: 'http://127.0.0.1:4711/v1' } },
    );
    expect(config.server).toMatchObject({ apiUrl: 'https://a.example', storageUrl: 'http://127.0.0.1:4711' });
    expect(settings.find((one) => one.key === 'server.storageUrl')?.source).toBe('RUNTOOLS_STORAGE_URL');
    expect(settings.find((one) => one.key === 'server.apiUrl')?.source).toBe(path.join(home, 'c.json'));
    expect(settings.find((one) => one.key === 'server.auth')?.source).toBe('default');
  });

  it.each(['http://localhost:1', 'http://[::1]:1', 'http://127.8.8.8:1'])(
    'may be plain http on this machine: %s',
    async (url) => {
      expect((await load({ env: { RUNTOOLS_API_URL: url } })).config.server.apiUrl).toBe(url);
    },
  );

  it.each([
    ['http://storage.example', 'use https://'],
    ['http://127.0.0.1.example', 'use https://'],
    ['ftp://storage.example', 'is no address of a server'],
    ['https://storage.example/files', 'must end after the host name'],
    ['https://me:secret@storage.example', 'must have no user, password'],
  ])('are refused when they cannot be right: %s', async (url, message) => {
    const error = await load({ env: { RUNTOOLS_STORAGE_URL: url } }).catch((thrown: unknown) => thrown);
    expect(error).toSatisfy((thrown) => isCode(thrown, 'config'));
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('secret');
  });
});

describe('the state folder', () => {
  it('comes from the option, the file, XDG_STATE_HOME or home, in this order', async () => {
    const env = { XDG_STATE_HOME: path.join(home, 'xdg') };
    expect((await load({ env })).config.stateDir).toBe(path.join(home, 'xdg/rtsync'));
    expect((await loadText({ stateDir: '~/s' }, { env })).config.stateDir).toBe(path.join(home, 's'));
    expect((await loadText({ stateDir: '~/s' }, { env, stateDir: 'here' })).config.stateDir).toBe(
      path.join(home, 'here'),
    );
    expect((await load({ env: { XDG_STATE_HOME: 'not/absolute' } })).config.stateDir).toBe(
      path.join(home, '.local/state/rtsync'),
    );
  });
});

describe('overlapping pairs', () => {
  it.each([
    [
      'the same folder',
      [
        { folder: 'a', workspace: 'w' },
        { folder: './a/', workspace: 'x' },
      ],
    ],
    [
      'a folder inside another',
      [
        { folder: 'a/b', workspace: 'w' },
        { folder: 'a', workspace: 'x' },
      ],
    ],
    [
      'a folder reached through a link',
      [
        { folder: 'link/b', workspace: 'w' },
        { folder: 'a', workspace: 'x' },
      ],
    ],
    [
      'the same remote folder',
      [
        { folder: 'a', workspace: 'w', path: '/p' },
        { folder: 'b', workspace: 'w', path: 'p/' },
      ],
    ],
    [
      'a remote folder inside another',
      [
        { folder: 'a', workspace: 'w' },
        { folder: 'b', workspace: 'w', path: 'p' },
      ],
    ],
    [
      'the same name',
      [
        { name: 'n', folder: 'a', workspace: 'w' },
        { name: 'n', folder: 'b', workspace: 'x' },
      ],
    ],
  ])('are refused: %s', async (_name, pairs) => {
    await mkdir(path.join(home, 'a'));
    await symlink('a', path.join(home, 'link'));
    await expect(loadText({ pairs })).rejects.toSatisfy((error) => isCode(error, 'pair-overlap'));
  });

  it('are not seen where names only begin alike', async () => {
    const pairs = [
      { folder: 'a', workspace: 'w', path: 'p' },
      { folder: 'ab', workspace: 'w', path: 'pq' },
      { folder: 'c', workspace: 'x', path: 'p' },
    ];
    expect((await loadText({ pairs })).config.pairs).toHaveLength(3);
  });
});

it('an unreadable configuration is told as one, not as missing', async () => {
  const file = path.join(home, 'folder.json');
  await mkdir(file);
  await chmod(file, 0o755);
  await expect(load({ file })).rejects.toThrow('cannot be read (EISDIR)');
});
