/** `rtsync serve` as a process of its own, with its log of requests. Other faults need another process at its address. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestEntry } from '../../../src/serve/log.ts';

const BIN = fileURLToPath(new URL('../../../bin/rtsync', import.meta.url));

export interface ServerProcess {
  readonly origin: string;
  /** Every request so far that is over, in the order of their ends; `key 1` is machine A, `key 2` is B. */
  requests(): readonly RequestEntry[];
  /** Ends the process and starts another one at the same address, with these switches and no others. */
  restart(switches: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerStart {
  /** Folder of the workspaces. */
  readonly data: string;
  /** Folder for the keys and the log. */
  readonly home: string;
  /** Such as `--behaviour takenName=rename`; the same at each start. */
  readonly always: readonly string[];
  readonly switches: readonly string[];
}

/** Names of the machines; each has the key `rt_test_<name>`. */
const MACHINES = ['A', 'B'];
const CHUNK = 1 << 20;

export async function startServer({ data, home, always, switches }: ServerStart): Promise<ServerProcess> {
  const keys = join(home, 'keys');
  writeFileSync(keys, MACHINES.map((name) => `rt_test_${name}\n`).join(''), { mode: 0o600 });
  const logFile = join(home, 'requests.jsonl');
  let port = '0';
  let origin = '';
  let child: ChildProcess | undefined;
  const start = async (some: readonly string[]): Promise<void> => {
    const log = openSync(logFile, 'a');
    const flags = ['--log-level', 'debug', '--port', port, '--keys', keys, ...always, ...some];
    child = spawn(process.execPath, [BIN, 'serve', data, '--json', ...flags], {
      stdio: ['ignore', 'pipe', log],
    });
    closeSync(log);
    origin = await originOf(child, logFile);
    port = new URL(origin).port;
  };
  const stop = async (): Promise<void> => {
    const code = await endOf(child);
    if (code !== 0) throw new Error(`the server ended with ${code}, see ${logFile}`);
  };
  // It must not outlive a test that breaks off.
  process.on('exit', () => void child?.kill('SIGKILL'));
  await start(switches);
  return {
    get origin() {
      return origin;
    },
    requests: readEntries(logFile),
    restart: async (some) => {
      await stop();
      await start(some);
    },
    stop,
  };
}

async function originOf(child: ChildProcess, logFile: string): Promise<string> {
  let text = '';
  return await new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const found = /"origin":"([^"]+)"/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}, see ${logFile}`)));
  });
}

async function endOf(child: ChildProcess | undefined): Promise<number | string | null> {
  if (child === undefined) return null;
  const ended = new Promise<number | string | null>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? child.signalCode);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  child.kill('SIGTERM');
  return await ended;
}

/** Reads on from where it was the last time. */
function readEntries(file: string): () => readonly RequestEntry[] {
  const entries: RequestEntry[] = [];
  let offset = 0;
  return () => {
    const fd = openSync(file, 'r');
    try {
      const fresh = Buffer.alloc(fstatSync(fd).size - offset);
      let read = 0;
      while (read < fresh.length)
        read += readSync(fd, fresh, read, Math.min(CHUNK, fresh.length - read), offset + read);
      const end = fresh.lastIndexOf('\n') + 1;
      offset += end;
      for (const line of fresh.subarray(0, end).toString('utf8').split('\n'))
        if (line.startsWith('{')) entries.push(JSON.parse(line) as RequestEntry);
    } finally {
      closeSync(fd);
    }
    return entries;
  };
}
