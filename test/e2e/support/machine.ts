/** One machine of a person: a folder, a state folder of its own, and rtsync processes that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from './site.ts';

const BIN = fileURLToPath(new URL('../../../bin/rtsync', import.meta.url));

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly report: Report | undefined;
  /** Both streams, the log first. */
  readonly text: string;
  readonly logFile: string;
}

export interface Launched {
  readonly ended: Promise<End>;
  readonly running: boolean;
  /** What it wrote to the log so far. */
  log(): string;
  /** SIGKILL for the whole process group. */
  kill(): void;
  stop(): void;
}

export interface Machine {
  readonly name: string;
  readonly folder: string;
  readonly stateDir: string;
  launch(verb: 'sync' | 'push' | 'watch' | 'approve', ...args: string[]): Launched;
  sync(...args: string[]): Promise<End>;
}

export interface MachineOptions {
  readonly name: string;
  /** Holds the folder, the state folder and the logs of this machine. */
  readonly home: string;
  /** Asked at each start, since a server may come back at another port. */
  readonly origin: () => string;
  /** Folder with a built product, whose `bin/rtsync` is run; left out: that of the checkout. */
  readonly app?: string;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) killGroup(child);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

export function createMachine({ name, home, origin, app }: MachineOptions): Machine {
  const bin = app === undefined ? BIN : join(app, 'bin', 'rtsync');
  const folder = join(home, name);
  const stateDir = join(home, `state-${name}`);
  const logs = join(home, 'logs');
  for (const each of [folder, logs]) mkdirSync(each, { recursive: true });
  let runs = 0;
  const launch: Machine['launch'] = (verb, ...args) => {
    runs += 1;
    const logFile = join(logs, `${name}-${String(runs).padStart(4, '0')}-${verb}.txt`);
    const ends = verb === 'approve' ? [folder] : [folder, 'project'];
    const json = verb === 'sync' || verb === 'push' ? ['--json'] : [];
    const flags = [...json, '--no-color', '--log-level', 'debug', '--state-dir', stateDir];
    // A start takes half as long with what another one compiled.
    const cache = { NODE_COMPILE_CACHE: join(home, 'compiled') };
    const env = { ...process.env, ...cache, RUNTOOLS_API_URL: origin(), RUNTOOLS_STORAGE_URL: origin() };
    const child = spawn(process.execPath, [bin, ...flags, verb, ...ends, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...env, RUNTOOLS_API_KEY: `rt_test_${name}` },
    });
    alive.add(child);
    return launched(child, logFile);
  };
  return { name, folder, stateDir, launch, sync: (...args) => launch('sync', ...args).ended };
}

function launched(child: ChildProcess, logFile: string): Launched {
  let [out, log] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    out += part;
  });
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    log += part;
  });
  const ended = new Promise<End>((resolve) => {
    child.on('close', (code, signal) => {
      alive.delete(child);
      const text = `${log}${out}`;
      writeFileSync(logFile, `${text}\nended with ${code ?? signal} at ${new Date().toISOString()}\n`);
      resolve({ code, signal, report: reportIn(out), text, logFile });
    });
  });
  return {
    ended,
    get running() {
      return alive.has(child);
    },
    log: () => log,
    kill: () => killGroup(child),
    stop: () => void child.kill('SIGTERM'),
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

function reportIn(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}
