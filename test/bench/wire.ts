/** Starts servers and the wire before them, and reads what the wire counted. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Wire {
  readonly origin: string;
  /** Starts to count again from 0. */
  reset(): Promise<void>;
  requests(): Promise<number>;
  /** Answers 429 so far. */
  refused(): Promise<number>;
  stop(): Promise<void>;
}

/** A forked program of the benchmark that prints one line when it is ready. */
export async function forkHere(
  file: string,
  args: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly line: string }> {
  const child = fork(fileURLToPath(new URL(`programs/${file}`, import.meta.url)), [...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [first] = (await Promise.race([
    once(child.stdout as NodeJS.ReadableStream, 'data'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${file} ended with ${code}`))),
  ])) as [Buffer];
  return { child, line: String(first).trim() };
}

export async function endFork(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Puts the wire in front of a server of this machine. */
export async function startWire(targetPort: number, latencyMs: number): Promise<Wire> {
  const { child, line } = await forkHere('proxy.ts', [String(targetPort), String(latencyMs)]);
  const ask = async (what: 'count' | 'reset'): Promise<{ requests: number; refused: number }> => {
    const answer = once(child, 'message');
    child.send(what);
    const [counts] = (await answer) as [{ requests: number; refused: number }];
    return counts;
  };
  return {
    origin: `http://127.0.0.1:${line.replace('port ', '')}`,
    reset: async () => {
      await ask('reset');
    },
    requests: async () => (await ask('count')).requests,
    refused: async () => (await ask('count')).refused,
    stop: () => endFork(child),
  };
}
