/** Runs the command line as a user does: a process of its own, its streams and its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../bin/rtsync', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export async function rtsync(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const startedAt = performance.now();
  const child = start(args, options);
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: out(), stderr: err(), seconds: (performance.now() - startedAt) / 1000 };
}

/** A process that goes on: `serve`, `watch`. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the first line of either stream that matches. */
  line(pattern: RegExp): Promise<string>;
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export function rtsyncStarted(args: readonly string[], options: RunOptions = {}): Running {
  const child = start(args, options);
  const text = collect(child.stdout);
  const log = collect(child.stderr);
  const output = (): string => text() + log();
  const ended = once(child, 'close');
  return {
    child,
    output,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = output()
            .split('\n')
            .find((line) => pattern.test(line));
          if (found !== undefined) resolve(found);
        };
        child.stdout?.on('data', look);
        child.stderr?.on('data', look);
        ended.then(() => reject(new Error(`ended before ${pattern}: ${output()}`)));
        look();
      }),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

function start(args: readonly string[], options: RunOptions): ChildProcess {
  return spawn(process.execPath, [BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (part: string) => {
    text += part;
  });
  return () => text;
}
