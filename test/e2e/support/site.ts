/** A place to try the product in: a served workspace, a state folder, and the command line pointed at both. */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow } from '../../support/edits.ts';
import { type Running, rtsync, rtsyncStarted } from './cli.ts';

export interface Site {
  readonly home: string;
  /** Folder of the workspace `project` on the server's disk. */
  readonly served: string;
  readonly env: Readonly<Record<string, string>>;
  run(...args: string[]): Promise<Run>;
  start(...args: string[]): Running;
}

export interface Run {
  readonly code: number | null;
  readonly report: Report | undefined;
  readonly text: string;
}

export interface Report {
  readonly inSync: boolean;
  readonly durationMs: number;
  readonly requests: { readonly total: number; readonly byKind: Readonly<Record<string, number>> };
  readonly operations: Readonly<Record<string, number>>;
  readonly conflicts: readonly unknown[];
  readonly problems: readonly { readonly path: string; readonly code: string; readonly message: string }[];
}

/** `behaviours`: switches of the server, such as `takenName=rename`. */
export async function withSite(
  behaviours: readonly string[],
  use: (site: Site) => Promise<void>,
): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'rtsync-e2e-'));
  const data = join(home, 'data');
  await mkdir(join(data, 'project'), { recursive: true });
  const flags = behaviours.flatMap((one) => ['--behaviour', one]);
  const server: Running = rtsyncStarted(['serve', data, '--port', '0', '--open', ...flags]);
  try {
    const origin = /http:\/\/\S+/.exec(await server.line(/serving .* at http/))?.[0] ?? '';
    const env = { RUNTOOLS_API_URL: origin, RUNTOOLS_STORAGE_URL: origin, RUNTOOLS_API_KEY: 'rt_test_e2e' };
    const state = ['--state-dir', join(home, 'state')];
    await use({
      home,
      served: join(data, 'project'),
      env,
      run: async (...args) => {
        const ended = await rtsync(['--json', ...state, ...args], { env });
        const text = ended.stdout + ended.stderr;
        return { code: ended.code, report: ended.stdout === '' ? undefined : JSON.parse(ended.stdout), text };
      },
      start: (...args) => rtsyncStarted([...state, ...args], { env }),
    });
  } finally {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

export function say(what: string, { code, report, text }: Run): void {
  if (report === undefined) {
    console.log(`   ${what}: exit ${code} ${text.trim()}`);
    return;
  }
  const kinds = Object.entries(report.operations)
    .filter(([, n]) => n > 0)
    .map(([kind, n]) => `${kind} ${n}`);
  const seconds = (report.durationMs / 1000).toFixed(1);
  console.log(
    `   ${what}: exit ${code}, ${report.requests.total} requests, ${seconds} s, ${kinds.join(', ') || 'nothing done'}`,
  );
  for (const problem of report.problems.slice(0, 3)) console.log(`      ${problem.code}: ${problem.message}`);
}

/** Real source files: this project's dependencies, package by package, a second time under another name if need be. */
export async function makeTree(into: string, wanted: number): Promise<number> {
  const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
  const packages = (await readdir(modules, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !HUGE.has(entry.name))
    .map((entry) => entry.name);
  let files = 0;
  for (let copy = 1; files < wanted; copy += 1) {
    for (const name of packages) {
      if (files >= wanted) break;
      const to = join(into, copy === 1 ? 'packages' : `packages, copy ${copy}`, name);
      await cp(join(modules, name), to, { recursive: true, filter: (path) => !path.includes('/.bin') });
      files += (await filesBelow(to)).length;
    }
  }
  return files;
}

/** Packages with binaries beyond the upload limit. */
const HUGE = new Set(['node', '@biomejs']);

/** Counts what was not as it should be. */
export interface Checks {
  check(good: boolean, what: string): void;
  readonly failures: number;
}

export function createChecks(): Checks {
  let failures = 0;
  return {
    check: (good, what) => {
      console.log(`   ${good ? 'ok' : 'FAILED'} ${what}`);
      if (!good) failures += 1;
    },
    get failures() {
      return failures;
    },
  };
}
