import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..', '..');

let folder: string;
beforeEach(async () => {
  folder = realpathSync(await mkdtemp(path.join(os.tmpdir(), 'rtsync-packaging-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A copy of the launcher in a package of its own, told that it runs on this version of Node. */
async function launcher(options: { node: string; main?: string; ownNode?: string }) {
  const write = async (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  };
  await write('package.json', '{"type":"module"}');
  await write(
    'preload.cjs',
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${options.node}' } });`,
  );
  if (options.main !== undefined) await write('dist/cli/main.js', options.main);
  if (options.ownNode !== undefined) {
    await write('node_modules/.bin/node', `#!${process.execPath}\n${options.ownNode}`);
    await chmod(path.join(folder, 'node_modules/.bin/node'), 0o755);
  }
  mkdirSync(path.join(folder, 'bin'));
  copyFileSync(path.join(ROOT, 'bin/rtsync'), path.join(folder, 'bin/rtsync'));
  return ['--require', path.join(folder, 'preload.cjs'), path.join(folder, 'bin/rtsync')];
}

function start(args: readonly string[]) {
  return spawnSync(process.execPath, [...args], { encoding: 'utf8', env: { PATH: process.env.PATH } });
}

const MAIN = 'export async function main(args) { console.log(args.join(" ")); process.exitCode = 4; }';

describe('bin/rtsync', () => {
  it('runs the built program with its arguments and exit code', async () => {
    const run = start([...(await launcher({ node: '22.22.0', main: MAIN })), 'sync', '--json']);
    expect(run).toMatchObject({ status: 4, stdout: 'sync --json\n', stderr: '' });
  });

  it.each(['18.20.0', '20.20.2', '22.21.9'])('says in one sentence that Node %s is too old', async (node) => {
    const run = start(await launcher({ node, main: MAIN }));
    expect(run).toMatchObject({ status: 78, stdout: '' });
    expect(run.stderr).toMatch(/^rtsync: needs Node 22\.22 or newer, but this is [\d.]+; [^\n]*\n$/);
    expect(run.stderr).toContain(node);
  });

  it('lets the newer Node of its own package take over, with arguments and exit code', async () => {
    const ownNode = 'console.log(process.argv.slice(3).join(" ")); process.exit(3);';
    const run = start([...(await launcher({ node: '20.0.0', ownNode })), 'watch', 'a b']);
    expect(run).toMatchObject({ status: 3, stdout: 'watch a b\n', stderr: '' });
  });

  it('passes signals on, and does not hand over a second time', async () => {
    const ownNode =
      'process.on("SIGTERM", () => process.exit(75)); console.log("ready"); setInterval(() => {}, 1000);';
    const child = spawn(process.execPath, await launcher({ node: '20.0.0', ownNode }), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(75);

    const args = [path.join(folder, 'bin/rtsync')];
    const again = spawnSync(process.execPath, ['--require', path.join(folder, 'preload.cjs'), ...args], {
      encoding: 'utf8',
      env: { RTSYNC_HANDED_OVER: '1' },
    });
    expect(again).toMatchObject({ status: 78, stdout: '' });
  });

  it('takes the program along when it is killed, and lets it end cleanly', async () => {
    const main = `export async function main() {
      const alive = setTimeout(() => process.exit(9), 8000);
      process.once('SIGTERM', () => { clearTimeout(alive); writeFileSync(process.env.ENDED, 'cleanly'); });
      console.log('ready');
    }
    import { writeFileSync } from 'node:fs';`;
    const args = await launcher({ node: '20.0.0', main, ownNode: '' });
    // The real Node in the place of the package's own.
    await rm(path.join(folder, 'node_modules/.bin/node'));
    await symlink(process.execPath, path.join(folder, 'node_modules/.bin/node'));
    const ended = path.join(folder, 'ended');
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, ENDED: ended },
    });
    child.stdout.once('data', () => child.kill('SIGKILL'));
    // The streams are inherited: they close when the program, too, has ended.
    await new Promise((resolve) => child.once('close', resolve));
    expect(readFileSync(ended, 'utf8')).toBe('cleanly');
  });

  it('does not keep a program waiting that is done', async () => {
    const args = await launcher({ node: '20.0.0', main: MAIN, ownNode: '' });
    await rm(path.join(folder, 'node_modules/.bin/node'));
    await symlink(process.execPath, path.join(folder, 'node_modules/.bin/node'));
    expect(start([...args, 'sync'])).toMatchObject({ status: 4, stdout: 'sync\n', stderr: '' });
  });

  it('runs from the sources of a checkout', () => {
    const run = spawnSync(process.execPath, [path.join(ROOT, 'bin/rtsync'), '--version'], {
      encoding: 'utf8',
    });
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
    expect(run).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('tools/install-when-needed', () => {
  /** Runs it with an `npm` that notes how it was called; `failing` names what it refuses. */
  async function install(failing = '') {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    const npm = `#!/bin/sh
echo "$1" >> "${folder}/calls"
if [ "$1" = "${failing}" ]; then echo "npm says no"; exit 1; fi
mkdir -p node_modules && echo '{}' > node_modules/.package-lock.json
`;
    await writeFile(path.join(bin, 'npm'), npm, { mode: 0o755 });
    await symlink(process.execPath, path.join(bin, 'node')).catch(() => undefined);
    const run = spawnSync(process.execPath, [path.join(ROOT, 'tools/install-when-needed.mjs'), folder], {
      encoding: 'utf8',
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    return { status: run.status, stdout: run.stdout, stderr: run.stderr };
  }
  const calls = () => readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n');

  it('installs what is missing, once, and again when the lock file is newer', async () => {
    await writeFile(path.join(folder, 'package-lock.json'), '{}');
    expect(await install()).toMatchObject({ status: 0, stdout: '' });
    expect(await install()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(calls()).toEqual(['ci']);
    const later = new Date(Date.now() + 60_000);
    await utimes(path.join(folder, 'package-lock.json'), later, later);
    await install();
    expect(calls()).toEqual(['ci', 'ci']);
  });

  it('falls back to npm install, and tells what npm said only when both fail', async () => {
    await writeFile(path.join(folder, 'package-lock.json'), '{}');
    expect((await install('ci')).status).toBe(0);
    expect(calls()).toEqual(['ci', 'install']);
    await rm(path.join(folder, 'node_modules'), { recursive: true });
    await rm(path.join(folder, 'package-lock.json'));
    const failed = await install('install');
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('npm says no');
  });
});

describe('tools/count-tests', () => {
  const report = (passed: number, failed: number, broken = 0) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    testResults: Array.from({ length: broken }, () => ({ status: 'failed', assertionResults: [] })),
  });

  it.each([
    ['all is well', report(9, 0), [0, 0, 0], '9 passed, 0 failed', 0],
    ['tests failed', report(9, 2), [1, 0, 0], '9 passed, 2 failed', 1],
    ['a test file cannot be loaded', report(9, 0, 1), [1, 0, 0], '9 passed, 1 failed', 1],
    ['lint and types failed', report(9, 0), [0, 1, 2], '9 passed, 2 failed', 1],
    ['vitest failed without a failed test', report(9, 0), [1, 0, 0], '9 passed, 1 failed', 1],
    ['vitest left no report', undefined, [134, 0, 0], '0 passed, 1 failed', 1],
    ['vitest left no report and claims to be fine', undefined, [0, 0, 0], '0 passed, 1 failed', 1],
  ])('tells the true numbers when %s', async (_name, content, codes, line, status) => {
    const file = path.join(folder, 'report.json');
    if (content !== undefined) await writeFile(file, JSON.stringify(content));
    const run = spawnSync(
      process.execPath,
      [path.join(ROOT, 'tools/count-tests.mjs'), file, ...codes.map(String)],
      { encoding: 'utf8' },
    );
    expect(run).toMatchObject({ status, stdout: `${line}\n` });
  });
});
