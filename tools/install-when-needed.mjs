// Makes sure that the dependencies are there before an npm script needs them: runs `npm ci` when they are missing or
// older than the lock file, and does nothing otherwise. Plain Node, no dependency, since none may be installed yet.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
const marker = join(root, 'node_modules', '.package-lock.json');
/** A folder is made by one process alone: who makes it installs, the others wait. */
const turn = join(root, '.install-turn');
/** An installer that was killed leaves its turn behind; after so long nobody believes it. */
const STALE_MS = 15 * 60_000;

function modified(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function isNeeded() {
  const installed = modified(marker);
  return installed === undefined || (modified(lock) ?? 0) > installed;
}

function takeTurn() {
  for (;;) {
    try {
      mkdirSync(turn);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const since = modified(turn);
    if (since !== undefined && Date.now() - since > STALE_MS) leaveTurn();
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function leaveTurn() {
  try {
    rmdirSync(turn);
  } catch {
    // Somebody else was faster.
  }
}

/** npm's own words are shown only when it fails. */
function npm(command) {
  const result = spawnSync('npm', [command, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  return {
    ok: result.status === 0,
    said: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`,
  };
}

function install() {
  process.stderr.write('rtsync: installing dependencies\n');
  const clean = modified(lock) === undefined ? { ok: false, said: '' } : npm('ci');
  const result = clean.ok ? clean : npm('install');
  if (!result.ok) {
    process.stderr.write(`${clean.said}${result.said}\nrtsync: the dependencies could not be installed\n`);
    process.exitCode = 1;
    return;
  }
  // npm leaves the marker alone when nothing had to change; a newer lock file must not ask again for ever.
  const now = new Date();
  if (modified(marker) !== undefined) utimesSync(marker, now, now);
}

if (isNeeded()) {
  takeTurn();
  try {
    if (isNeeded()) install();
  } finally {
    leaveTurn();
  }
}
