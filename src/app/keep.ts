/**
 * Keeps a pair open for a service: one that cannot be opened since a person must decide is tried again when something
 * about the root changed, when the person decided, or after a while; one that must compare afresh is opened anew. What
 * the service does with the pair is the caller's.
 */
import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenPair, openPair } from '../app.ts';
import type { PairConfig } from '../config/pairs.ts';
import type { Config } from '../config.ts';
import { LOOK_MS, patienceOf, STAYS_UP } from '../engine/halt.ts';
import type { Pair } from '../engine/pair.ts';
import type { WatchEnd } from '../engine/watch.ts';
import { asRtsyncError, type RtsyncError } from '../lib/errors.ts';
import { OWN_FOLDER } from '../local/names.ts';
import { AFRESH } from '../state/approvals.ts';
import type { PairRun } from './found.ts';
import type { ServerLink } from './link.ts';
import { approvalsOf } from './state.ts';

export interface Kept {
  readonly config: Config;
  readonly link: ServerLink;
  readonly pairConfig: PairConfig;
  readonly run: PairRun;
}

/**
 * Calls `use` with the opened pair, and with one opened anew each time that it ends with `afresh`. Resolves when it
 * ends otherwise. Rejects with what `use` throws, and with what keeps the pair from being opened and is no halt; once it
 * was open or halted, troubles of the network and a missing folder are waited out, too.
 */
export async function keepPair(kept: Kept, use: (pair: Pair) => Promise<WatchEnd>): Promise<void> {
  for (let first = true; ; first = false) {
    const { pair, close } = await openPatiently(kept, first);
    try {
      if ((await use(pair)) === 'stopped') return;
    } finally {
      close();
    }
  }
}

async function openPatiently(kept: Kept, first: boolean): Promise<OpenPair> {
  const { config, pairConfig, run } = kept;
  const link = withOneAnswer(kept.link);
  let told: string | undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      const opened = await openPair(config, link, pairConfig, run);
      if (told !== undefined)
        run.observer.on({ kind: 'notice', level: 'info', message: 'no longer halted; it goes on' });
      return opened;
    } catch (thrown) {
      const error = asRtsyncError(thrown);
      if (run.signal.aborted || !canWait(error, first && told === undefined)) throw error;
      if (error.message !== told)
        run.observer.on({ kind: 'notice', level: 'error', message: `${error.message}; ${STAYS_UP}` });
      told = error.message;
    }
    await untilWorthATry(kept, patienceOf(tries));
  }
}

/** `fresh`: nothing is known to have been there. What is told at a start is waited out later, such as a folder that is moved. */
function canWait({ code, disposition }: RtsyncError, fresh: boolean): boolean {
  if (disposition === 'halt') return true;
  return !fresh && (disposition === 'retry' || disposition === 'later' || code === 'no-folder');
}

/** Which workspace a text means is asked once, so that a try that ends at the root costs no request. */
function withOneAnswer(link: ServerLink): ServerLink {
  const { workspaces } = link;
  const answers = new Map<string, Awaited<ReturnType<typeof workspaces.resolve>>>();
  const resolve: typeof workspaces.resolve = async (text, signal) => {
    const answer = answers.get(text) ?? (await workspaces.resolve(text, signal));
    answers.set(text, answer);
    return answer;
  };
  return { ...link, workspaces: { ...workspaces, resolve } };
}

async function untilWorthATry({ config, pairConfig, run }: Kept, patienceMs: number): Promise<void> {
  const { clock, signal } = run;
  const since = clock.monotonic();
  const before = looksOf(pairConfig.folder);
  do await clock.sleep(LOOK_MS, signal);
  while (
    clock.monotonic() - since < patienceMs &&
    looksOf(pairConfig.folder) === before &&
    !(await isApproved(config, pairConfig.folder, clock.now()))
  );
}

/** Equal while nothing changed about the root and what is ours in it. */
function looksOf(folder: string): string {
  const own = join(folder, OWN_FOLDER);
  const ours = [own, join(own, 'pair.json'), join(own, 'tmp'), join(own, 'trash')];
  const stats = [() => statSync(folder), ...ours.map((path) => () => lstatSync(path))];
  return stats.map(looks).join(' ');
}

function looks(stats: () => ReturnType<typeof lstatSync>): string {
  try {
    const found = stats();
    // The times of a folder change with what we do in it.
    return found?.isFile() === true
      ? `${found.ino}:${found.mtimeMs}`
      : `${found?.ino}:${found?.isDirectory()}`;
  } catch {
    return 'none';
  }
}

async function isApproved(config: Config, folder: string, now: number): Promise<boolean> {
  try {
    return (await approvalsOf(config, folder, folder)).approved(now).has(AFRESH);
  } catch {
    // The folder is missing: then nothing was approved for it.
    return false;
  }
}
