import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/main.ts';
import { addBehaviour, size } from '../../../src/cli/serve.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'rtsync-serve-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Runs `rtsync serve …`; `use` is called with the origin, and then the server is stopped. */
async function serve(
  args: readonly string[],
  use: (origin: string) => Promise<void> = async () => undefined,
) {
  const controller = new AbortController();
  let stderr = '';
  let used: Promise<void> = Promise.resolve();
  const code = await run(['serve', '--json', ...args], {
    signal: controller.signal,
    io: {
      stdout: {
        write: (text) => {
          used = use(JSON.parse(text).origin).finally(() => controller.abort());
        },
      },
      stderr: { write: (text) => (stderr += text) },
      env: { HOME: home },
      cwd: home,
    },
  });
  await used;
  return { code, stderr };
}

describe('rtsync serve', () => {
  it('serves folders until it is stopped, to those who have the key', async () => {
    await writeFile(path.join(home, 'keys'), '# mine\nrt_test_reader files:read\n\nrt_test_all\n', {
      mode: 0o600,
    });
    await mkdir(path.join(home, 'docs'));
    await writeFile(path.join(home, 'docs', 'a.txt'), 'hello');
    const statuses: number[] = [];
    const args = [
      '--port',
      '0',
      '--keys',
      'keys',
      '--workspace',
      'docs=docs',
      '--behaviour',
      'dialect=alternative',
      '--limit',
      '300',
    ];
    const { code, stderr } = await serve(args, async (origin) => {
      const list = (key: string) =>
        fetch(`${origin}/v1/workspaces/docs/files`, { headers: { 'x-api-key': key } });
      statuses.push((await list('rt_test_wrong')).status);
      const answer = await list('rt_test_reader');
      statuses.push(answer.status);
      expect(answer.headers.get('x-ratelimit-limit')).toBe('300');
      expect(JSON.stringify(await answer.json())).toContain('mtime');
    });
    expect({ code, stderr, statuses }).toEqual({ code: 0, stderr: '', statuses: [401, 200] });
  });

  it('says what is wrong before it starts', async () => {
    await writeFile(path.join(home, 'open-keys'), 'rt_test_x\n', { mode: 0o644 });
    await writeFile(path.join(home, 'bad-keys'), 'rt_test_x files:sing\n', { mode: 0o600 });
    expect(await serve([])).toEqual({
      code: 2,
      stderr: 'rtsync: serve needs --keys FILE, or --open to let everybody in\n',
    });
    expect(await serve(['--keys', 'open-keys'])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('chmod 600'),
    });
    const bad = await serve(['--keys', 'bad-keys']);
    expect(bad).toMatchObject({ code: 78, stderr: expect.stringContaining('line 1: a scope is one of') });
    expect(bad.stderr).not.toContain('rt_test_x');
    expect(await serve(['--open', '--port', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('A port is a number'),
    });
  });

  it('says so when the port is taken', async () => {
    let port = '';
    let second: { code: number; stderr: string } | undefined;
    await serve(['--open', '--port', '0'], async (origin) => {
      port = new URL(origin).port;
      second = await serve(['--open', '--port', port]);
    });
    expect(second?.code).toBe(78);
    expect(second?.stderr).toMatch(new RegExp(`^rtsync: [^\\n]*${port}[^\\n]*\\n$`));
  });
});

describe('its options', () => {
  it('read sizes', () => {
    expect(['2048', '100MB', '1.5GiB', '3 k'].map(size)).toEqual([2048, 100_000_000, 1_610_612_736, 3000]);
    for (const text of ['', 'much', '1XB', '-1']) expect(() => size(text)).toThrow('A size is');
  });

  it('read switches with the type that the server wants', () => {
    expect(
      ['growingUploads=true', 'missingFolder=500', 'dateSkewMs=-5', 'takenName=rename'].reduce(
        (all, one) => addBehaviour(one, all),
        {},
      ),
    ).toEqual({
      growingUploads: true,
      missingFolder: 500,
      dateSkewMs: -5,
      takenName: 'rename',
    });
    expect(() => addBehaviour('takenNam=rename', {})).toThrow('Did you mean takenName?');
    expect(() => addBehaviour('takenName=perhaps', {})).toThrow('one of overwrite, rename, refuse');
    expect(() => addBehaviour('takenName', {})).toThrow('SWITCH=VALUE');
  });
});
