/** What a process costs: wall time, CPU, memory, inotify watches. Exact where the machine has GNU time, else sampled. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Cost {
  readonly seconds: number;
  /** User and system seconds. */
  readonly cpu: number;
  /** Peak of the resident memory in MB (10^6 bytes). */
  readonly peakMb: number;
}

export interface Ran extends Cost {
  readonly code: number | null;
  readonly stdout: string;
  /** The last of it. */
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Ended with us, however we end: nobody else would. */
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

const GNU_TIME = '/usr/bin/time';
const SAMPLE_MS = 20;
const KEPT = 4_000;

/** Runs a command to its end. Rejects when it cannot be started; its exit code is the caller's to judge. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const exact = existsSync(GNU_TIME);
  const folder = mkdtempSync(join(tmpdir(), 'rtsync-time-'));
  const file = join(folder, 'cost');
  const line = exact ? [GNU_TIME, '-q', '-o', file, '-f', '%U %S %M', command, ...args] : [command, ...args];
  const startedAt = performance.now();
  const child = spawn(line[0] ?? command, line.slice(1), spawnOptions(options));
  const sampler = exact ? undefined : sampled(child.pid ?? 0);
  const stdout = collect(child.stdout, Number.POSITIVE_INFINITY);
  const stderr = collect(child.stderr, KEPT);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    const seconds = (performance.now() - startedAt) / 1000;
    const cost = sampler === undefined ? readCost(file) : sampler.end();
    return { code, seconds, ...cost, stdout: stdout(), stderr: stderr() };
  } finally {
    sampler?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A process that goes on: a server, a service. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The first line of either stream that matches. Rejects when the process ends before. */
  line(pattern: RegExp): Promise<string>;
  output(): string;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<void>;
}

export function startProcess(command: string, args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(command, [...args], spawnOptions(options));
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  const stdout = collect(child.stdout, KEPT);
  const stderr = collect(child.stderr, KEPT);
  const output = (): string => stdout() + stderr();
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    child,
    pid: child.pid ?? 0,
    output,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = output()
            .split('\n')
            .find((text) => pattern.test(text));
          if (found === undefined) return;
          child.stdout?.off('data', look);
          child.stderr?.off('data', look);
          resolve(found);
        };
        child.stdout?.on('data', look);
        child.stderr?.on('data', look);
        void ended.then(() => reject(new Error(`${command} ended before ${pattern}: ${output()}`)));
        look();
      }),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Resident memory now and at its peak, in MB. */
export function memoryOf(pid: number): { readonly nowMb: number; readonly peakMb: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { nowMb: (kb('VmRSS') * 1024) / 1e6, peakMb: (kb('VmHWM') * 1024) / 1e6 };
}

/** User and system seconds so far, all threads. */
export function cpuOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in brackets, and may hold anything; the 14th and 15th are ticks of 10 ms.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function watchesOf(pid: number): number {
  let watches = 0;
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    try {
      watches += readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').split('inotify wd:').length - 1;
    } catch {
      // It was closed meanwhile.
    }
  }
  return watches;
}

/** The p-th percentile, 0 to 100, by the nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Milliseconds until `holds`; Infinity when it does not within the time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  withinMs: number,
  everyMs = 5,
): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < withinMs) {
    if (await holds()) return performance.now() - startedAt;
    await pause(everyMs);
  }
  return Number.POSITIVE_INFINITY;
}

function spawnOptions({ env, cwd }: RunOptions): {
  stdio: ['ignore', 'pipe', 'pipe'];
  env: NodeJS.ProcessEnv;
  cwd: string | undefined;
} {
  return { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd };
}

function readCost(file: string): { readonly cpu: number; readonly peakMb: number } {
  const last = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
  const [user = 0, system = 0, kb = 0] = last.split(' ').map(Number);
  return { cpu: user + system, peakMb: (kb * 1024) / 1e6 };
}

/** Without GNU time: the last look before the end counts, so up to one sample of CPU is missed. */
function sampled(pid: number): { end(): { readonly cpu: number; readonly peakMb: number } } {
  let cost = { cpu: 0, peakMb: 0 };
  const look = (): void => {
    try {
      cost = { cpu: cpuOf(pid), peakMb: memoryOf(pid).peakMb };
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    end: () => {
      clearInterval(timer);
      return cost;
    },
  };
}

function collect(stream: NodeJS.ReadableStream | null, most: number): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (part: string) => {
    text += part;
    if (text.length > 2 * most) text = text.slice(-most);
  });
  return () => text;
}
