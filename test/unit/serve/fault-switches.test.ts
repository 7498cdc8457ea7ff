import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/main.ts';
import { addFault } from '../../../src/cli/serve.ts';
import { FAULT_KINDS } from '../../../src/serve/faults.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'rtsync-faults-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Runs `rtsync serve …`; `use` is called with the origin, and then the server is stopped. */
async function serve(
  args: readonly string[],
  use: (origin: string) => Promise<void> = async () => undefined,
) {
  const controller = new AbortController();
  let stderr = '';
  let stdout = '';
  let used: Promise<void> = Promise.resolve();
  const code = await run(['serve', '--json', '--open', '--port', '0', ...args], {
    signal: controller.signal,
    io: {
      stdout: {
        write: (text) => {
          stdout += text;
          if (!text.startsWith('{')) return;
          used = use(JSON.parse(text).origin).finally(() => controller.abort());
        },
      },
      stderr: { write: (text) => (stderr += text) },
      env: { HOME: home },
      cwd: home,
    },
  });
  await used;
  return { code, stderr, stdout };
}

async function statuses(args: readonly string[]): Promise<string> {
  const seen: number[] = [];
  const { code } = await serve(args, async (origin) => {
    for (let n = 0; n < 40; n += 1) seen.push((await fetch(`${origin}/workspaces`)).status);
  });
  expect(code).toBe(0);
  return seen.join(' ');
}

describe('the fault switches of rtsync serve', () => {
  it('play trouble by chance, the same for the same seed', async () => {
    const first = await statuses(['--fault', 'error=30', '--fault', 'rate-limit=20', '--fault-seed', '7']);
    for (const status of ['200', '429', '50']) expect(first).toContain(status);
    const again = await statuses(['--fault', 'error=30', '--fault', 'rate-limit=20', '--fault-seed', '7']);
    const other = await statuses(['--fault', 'error=30', '--fault', 'rate-limit=20', '--fault-seed', '8']);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('are off unless asked for', async () => {
    expect(new Set((await statuses([])).split(' '))).toEqual(new Set(['200']));
  });

  it('each set their own chance', () => {
    const rates = Object.keys(FAULT_KINDS).map((kind) => addFault(`${kind}=2.5`, {}));
    expect(new Set(rates.map((rate) => JSON.stringify(rate))).size).toBe(Object.keys(FAULT_KINDS).length);
    expect(addFault('drop=5', addFault('lost-answer=100', {}))).toEqual({ drop: 0.05, lostAnswer: 1 });
  });

  it.each([
    [['--fault', 'drop'], /written KIND=PERCENT/],
    [['--fault', 'lost-answr=5'], /Did you mean lost-answer\?/],
    [['--fault', 'toString=5'], /The kinds are error, /],
    [['--fault', 'drop=101'], /percentage of drop is a number from 0 to 100/],
    [['--fault', 'drop=-1'], /percentage of drop is a number from 0 to 100/],
    [['--fault', 'drop='], /percentage of drop is a number from 0 to 100/],
    [['--fault', 'drop=5', '--fault-seed', 'x'], /A seed is a whole number/],
    [['--fault-seed', '3'], /--fault-seed needs a --fault/],
  ])('say in one sentence what is wrong with %j', async (args, sentence) => {
    const { code, stderr } = await serve(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^rtsync: [^\n]+\n$/);
  });

  it('are named in the help', async () => {
    const { code, stdout } = await serve(['--help']);
    expect(code).toBe(0);
    for (const kind of Object.keys(FAULT_KINDS)) expect(stdout).toMatch(new RegExp(`^  ${kind} +\\w`, 'm'));
  });
});

describe('the log of rtsync serve', () => {
  it('holds each request when it is asked for, and nothing otherwise', async () => {
    const ask = async (origin: string) => void (await fetch(`${origin}/workspaces`));
    const asked = await serve(['--log-level', 'debug', '--fault', 'error=100'], ask);
    expect(JSON.parse(asked.stderr)).toMatchObject({ label: 'workspaces', fault: 'status' });
    expect((await serve([], ask)).stderr).toBe('');
  });
});
