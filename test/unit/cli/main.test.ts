import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CliContext, Globals } from '../../../src/cli/globals.ts';
import { type RegisterCommand, run } from '../../../src/cli/main.ts';
import { RtsyncError } from '../../../src/lib/errors.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'rtsync-cli-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Runs one command line against a command `greet` that does what the test says. */
async function cli(args: readonly string[], act: (context: CliContext) => unknown = () => undefined) {
  let stdout = '';
  let stderr = '';
  let seen: Globals | undefined;
  const greet: RegisterCommand = (program, context) => {
    program
      .command('greet')
      .argument('[name]')
      .option('--loudly', 'shout')
      .action(async () => {
        seen = context.globals();
        await act(context);
      });
  };
  const code = await run(args, {
    commands: [greet],
    signal: new AbortController().signal,
    io: {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: { HOME: home },
      cwd: home,
    },
  });
  return { code, stdout, stderr, globals: seen };
}

describe('the command line', () => {
  it('takes global options before and after the command', async () => {
    const options = [
      '--json',
      '--dry-run',
      '--state-dir',
      'x',
      '--config=c',
      '--yes',
      '--no-color',
      '--log-level',
      'warn',
    ];
    const expected = {
      json: true,
      dryRun: true,
      stateDir: 'x',
      config: 'c',
      yes: true,
      color: false,
      logLevel: 'warn',
    };
    expect((await cli([...options, 'greet', 'ann'])).globals).toEqual(expected);
    expect((await cli(['greet', 'ann', '--loudly', ...options])).globals).toEqual(expected);
    expect((await cli(['greet'])).globals).toEqual({ json: false, dryRun: false, yes: false, color: true });
  });

  it.each([
    [['gret'], "unknown command 'gret' (Did you mean greet?)"],
    [['greet', '--loudli'], "unknown option '--loudli' (Did you mean --loudly?)"],
    [['greet', 'a', 'b'], 'too many arguments'],
    [['greet', '--config'], "option '--config <file>' argument missing"],
    [['greet', '--log-level', 'loud'], 'Allowed choices are silent, error, warn, info, debug, trace.'],
    [['greet', '--api-key', 'rt_live_abcdef'], 'keys are never taken from the command line'],
  ])('answers wrong usage with one sentence and exit 2: %j', async (args, sentence) => {
    const { code, stdout, stderr } = await cli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/^rtsync: [^\n]+\n$/);
    expect(stderr).not.toContain('abcdef');
  });

  it('shows help and version on stdout, and help on stderr when nothing was asked', async () => {
    expect(await cli(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    const help = await cli(['greet', '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('--loudly');
    expect(help.stdout).toContain('--dry-run');
    const bare = await cli([]);
    expect(bare).toMatchObject({ code: 2, stdout: '' });
    expect(bare.stderr).toContain('Usage: rtsync');
  });

  it('ends with the code of a foreseen failure and its sentence, without secrets', async () => {
    const { code, stderr } = await cli(['greet'], () => {
      throw new RtsyncError('key-refused', 'the server refused\nthe key rt_live_abcdef');
    });
    expect(code).toBe(77);
    expect(stderr).toBe('rtsync: the server refused the key rt_live_[hidden]\n');
  });

  it('calls everything else a bug, with the stack only for those who want it', async () => {
    const broken = () => {
      throw new TypeError('x is not a function');
    };
    const plain = await cli(['greet'], broken);
    expect(plain.code).toBe(1);
    expect(plain.stderr).toMatch(
      /^rtsync: this is a bug in rtsync: x is not a function \(please report[^\n]*\)\n$/,
    );
    expect((await cli(['greet', '--log-level=debug'], broken)).stderr).toContain('main.test.ts');
  });

  it('ends as the command says', async () => {
    expect((await cli(['greet'], (context) => context.exitWith(4))).code).toBe(4);
    expect((await cli(['greet'])).code).toBe(0);
  });
});

describe('what a command is given', () => {
  it('reads the configuration once, and tells its faults as any other', async () => {
    await writeFile(path.join(home, 'c.json'), '{"logLevel": "debug", "pears": []}');
    const { code, stderr } = await cli(['greet', '--config', 'c.json'], (context) => context.config());
    expect(code).toBe(78);
    expect(stderr).toContain('unknown key "pears", did you mean "pairs"?');
  });

  it('logs to stderr at the level of the configuration, or of the option', async () => {
    await writeFile(path.join(home, 'c.json'), '{"logLevel": "error"}');
    const speak = async (context: CliContext) => (await context.log()).warn('careful');
    expect((await cli(['greet', '--config', 'c.json'], speak)).stderr).toBe('');
    const loud = await cli(['greet', '--config', 'c.json', '--log-level', 'warn'], speak);
    expect(JSON.parse(loud.stderr)).toMatchObject({ msg: 'careful' });
    expect(loud.stdout).toBe('');
  });

  it('prints results for people or as one JSON object', async () => {
    const say = (context: CliContext) => {
      context.output().note('working');
      context.output().result(['one', 'two'], { numbers: [1, 2] });
    };
    expect(await cli(['greet'], say)).toMatchObject({ stdout: 'one\ntwo\n', stderr: 'working\n' });
    expect(await cli(['greet', '--json'], say)).toMatchObject({ stdout: '{"numbers":[1,2]}\n', stderr: '' });
  });
});
