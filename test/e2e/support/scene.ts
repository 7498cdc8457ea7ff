/** A machine with a folder of many files, in sync with a workspace, on which a disaster can be played. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Running, rtsyncStarted } from './cli.ts';
import { createInspector, differencesOf } from './inspect.ts';
import { createMachine, type End, type Launched, type Machine } from './machine.ts';

export interface Scene {
  readonly home: string;
  readonly machine: Machine;
  readonly folder: string;
  /** The server's data folder, and the workspace's folder in it. */
  readonly data: string;
  readonly served: string;
  watch(): Promise<Launched>;
  /** Waits until the log has stood still for a while. */
  calm(): Promise<void>;
  /** Stops the watch, shows what it said, and gives its exit code. */
  end(watch: Launched): Promise<End>;
  sync(...args: string[]): Promise<End>;
  stopServer(): Promise<void>;
  /** At the same address as before. */
  startServer(): Promise<void>;
  check(good: boolean, what: string): void;
  /** Differences of folder and workspace; 'equal' when there are none. */
  compare(): string;
  /** Files of the first 300 that are no longer in this folder or not as they were written. */
  missing(root: string): string[];
}

export const FOLDERS = 10;
export const FILES = 300;
const CALM_MS = 3_500;
const LONGEST_MS = 40_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `folder 03/file 033.txt`, from 0. */
export function fileName(n: number): string {
  return `folder ${String(n % FOLDERS).padStart(2, '0')}/file ${String(n).padStart(3, '0')}.txt`;
}

export function contentOf(n: number, version = 1): string {
  return `file ${n}, version ${version}\n${'-'.repeat(n)}\n`;
}

/** `home` may be given to lay the machine on a disk of its own. */
export async function withScene(
  check: Scene['check'],
  play: (scene: Scene) => Promise<void>,
  options: { readonly empty?: boolean } = {},
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'rtsync-disaster-'));
  const data = join(home, 'data');
  const served = join(data, 'project');
  mkdirSync(served, { recursive: true });
  let port = '0';
  let origin = '';
  let server: Running | undefined;
  let last: Launched | undefined;
  const startServer = async (): Promise<void> => {
    server = rtsyncStarted(['serve', data, '--port', port, '--open']);
    origin = /http:\/\/\S+/.exec(await server.line(/serving .* at http/))?.[0] ?? '';
    port = new URL(origin).port;
  };
  await startServer();
  const machine = createMachine({ name: 'A', home, origin: () => origin });
  const scene: Scene = {
    ...{ home, machine, data, served, check, startServer, folder: machine.folder },
    watch: async () => {
      last = machine.launch('watch', '--poll', '2');
      await until(() => last?.log().includes('"idle"') === true || last?.log().includes('watching') === true);
      await sleep(1_500);
      return last;
    },
    calm: () => calm(() => last?.log() ?? ''),
    end: async (watch) => {
      watch.stop();
      const end = await watch.ended;
      showLog('watch', end);
      return end;
    },
    sync: async (...args) => {
      const end = await machine.sync(...args);
      showLog('sync', end);
      return end;
    },
    stopServer: async () => void (await server?.stop()),
    compare: () => {
      const inspector = createInspector();
      const trees = [inspector.tree(machine.folder), inspector.tree(served)] as const;
      return (
        differencesOf(...trees, ['the folder', 'the workspace'])
          .slice(0, 5)
          .join('; ') || 'equal'
      );
    },
    missing,
  };
  try {
    if (options.empty !== true) writeFiles(machine.folder, 0, FILES);
    const first = await machine.sync();
    if (first.code !== 0)
      throw new Error(`the first sync ended with ${first.code}: ${first.text.slice(-500)}`);
    await play(scene);
  } finally {
    last?.kill();
    await last?.ended;
    await server?.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

export function writeFiles(root: string, from: number, to: number, version = 1): void {
  for (let n = from; n < to; n += 1) {
    mkdirSync(join(root, fileName(n), '..'), { recursive: true });
    writeFileSync(join(root, fileName(n)), contentOf(n, version));
  }
}

/** Empties a folder. `.rtsync` goes only when asked. */
export function emptyFolder(root: string, ownToo: boolean): void {
  for (const name of readdirSync(root))
    if (ownToo || name !== '.rtsync') rmSync(join(root, name), { recursive: true, force: true });
}

export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

export async function until(holds: () => boolean, withinMs = LONGEST_MS): Promise<boolean> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < withinMs) {
    if (holds()) return true;
    await sleep(50);
  }
  return holds();
}

async function calm(log: () => string): Promise<void> {
  const deeds = (): number => log().split('\n').filter(isDeed).length;
  let [seen, since] = [deeds(), performance.now()];
  const startedAt = since;
  while (performance.now() - since < CALM_MS && performance.now() - startedAt < LONGEST_MS) {
    await sleep(100);
    if (deeds() === seen) continue;
    seen = deeds();
    since = performance.now();
  }
}

function isDeed(line: string): boolean {
  return /"level":(30|40|50|60)/.test(line);
}

function missing(root: string): string[] {
  return Array.from({ length: FILES }, (_, n) => n)
    .filter((n) => {
      const file = join(root, fileName(n));
      return !existsSync(file) || !readFileSync(file, 'utf8').startsWith(`file ${n}, version`);
    })
    .map(fileName);
}

/** What a person would have read: each warning and error once, deeds by their first word, and the end. */
function showLog(what: string, { code, signal, text, report }: End): void {
  const said = new Set<string>();
  const deeds = new Map<string, number>();
  for (const line of text.split('\n')) {
    const entry = parsed(line);
    if (entry === undefined) {
      if (line.trim() !== '' && report === undefined && !line.startsWith('{')) said.add(line);
    } else if (entry.level >= 40) said.add(entry.msg);
    else if (entry.level === 30) {
      const verb = entry.msg.split(/["/]|folder |file /)[0]?.trim() ?? '';
      deeds.set(verb, (deeds.get(verb) ?? 0) + 1);
    }
  }
  const counts = [...deeds].map(([verb, n]) => `${verb} x${n}`).join(', ');
  const done = Object.entries(report?.operations ?? {}).filter(([, n]) => n > 0);
  console.log(
    `      ${what} ended with ${code ?? signal}; ${counts}${done.map(([kind, n]) => `${kind} ${n}`).join(', ')}`,
  );
  for (const line of [...said].slice(0, 6)) console.log(`      said: ${line.slice(0, 400)}`);
  for (const { code: name, message } of report?.problems.slice(0, 3) ?? [])
    console.log(`      ${name}: ${message}`);
  const held = (report as { held?: readonly { reason: string; side: string }[] } | undefined)?.held ?? [];
  if (held.length > 0) console.log(`      held: ${held.length} (${held[0]?.side}): ${held[0]?.reason}`);
  if ((report?.conflicts.length ?? 0) > 0) console.log(`      conflicts: ${report?.conflicts.length}`);
}

function parsed(line: string): { readonly level: number; readonly msg: string } | undefined {
  try {
    const entry = JSON.parse(line) as { level?: number; msg?: string };
    return entry.level === undefined ? undefined : { level: entry.level, msg: entry.msg ?? '' };
  } catch {
    return undefined;
  }
}

export function noneGone(scene: Scene, root: string, which: string): void {
  const gone = scene.missing(root);
  scene.check(
    gone.length === 0,
    `${gone.length} files gone from ${which}${gone.length === 0 ? '' : `: ${gone[0]}`}`,
  );
}
