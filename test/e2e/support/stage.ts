/** Where a measurement is played: the built product, a served workspace `project` with its log of requests, one machine. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProduct } from '../../bench/product.ts';
import { createInspector, differencesOf } from './inspect.ts';
import { createMachine, type Machine } from './machine.ts';
import { type ServerProcess, startServer } from './server-process.ts';

export interface Stage {
  readonly home: string;
  /** Folder with the built product. */
  readonly app: string;
  readonly machine: Machine;
  readonly server: ServerProcess;
  /** The server's data folder, and the workspace's folder in it. */
  readonly data: string;
  readonly served: string;
  /** Up to five differences of folder and workspace; 'equal' when there are none. */
  compare(): string;
}

/** `switches`: of the server, such as `--limit 300`. */
export async function withStage(
  switches: readonly string[],
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'rtsync-stage-'));
  const app = join(home, 'app');
  const data = join(home, 'data');
  const served = join(data, 'project');
  mkdirSync(served, { recursive: true });
  try {
    buildProduct(app);
    const server = await startServer({ data, home, always: [], switches });
    try {
      const machine = createMachine({ name: 'A', home, origin: () => server.origin, app });
      const compare = (): string => {
        const inspector = createInspector();
        const trees = [inspector.tree(machine.folder), inspector.tree(served)] as const;
        const found = differencesOf(...trees, ['the folder', 'the workspace']);
        return found.slice(0, 5).join('; ') || 'equal';
      };
      await play({ home, app, machine, server, data, served, compare });
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export function inSeconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : 'never';
}

/**
 * What a log in JSON told a person: its sentences from the level of information on, each once and in their order. `from`:
 * the moment, in epoch milliseconds, from which their seconds are told.
 */
export function sentencesIn(log: string, from?: number): readonly string[] {
  const said = new Map<string, string>();
  for (const line of log.split('\n')) {
    const found = /"level":([3-6]0)\b.*"time":(\d+).*"msg":"((?:[^"\\]|\\.)*)"/.exec(line);
    if (found === null) continue;
    const [, level = '', time = '', text = ''] = found;
    const sentence = `${LEVELS[level] ?? level} ${JSON.parse(`"${text}"`)}`;
    const after = from === undefined ? '' : `+${inSeconds(Number(time) - from)} `;
    if (!said.has(sentence)) said.set(sentence, `${after}${sentence}`);
  }
  return [...said.values()];
}

/** Whether the sentence is more than the path of one deed. */
export function isNews(sentence: string): boolean {
  return !/(^|\s)info [→←=]/.test(sentence);
}

const LEVELS: Readonly<Record<string, string>> = { 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
