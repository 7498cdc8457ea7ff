/**
 * What every goal is given: the size, how thorough to be, places to try things in, and the rounds, which several goals
 * read. The rounds run once: every contestant does its jobs in turn, as many times as there are runs, so that a busy
 * minute of the machine meets all of them alike.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Contestant, JOBS, type Job, type Sample } from './contestant.ts';
import { median } from './measure.ts';
import { contestantsFor } from './peers/all.ts';
import { buildProduct, openShop, type Shop, type ShopOptions } from './product.ts';
import { type TreeSize, warm } from './trees.ts';

export interface BenchOptions {
  readonly size: TreeSize;
  readonly latencyMs: number;
  readonly runs: number;
  /** Also what takes minutes because time must pass: rates, and peers with the largest tree. */
  readonly long: boolean;
  /** Everything once and tiny: whether it can be measured, not how fast it is. */
  readonly smoke: boolean;
  /** The last job of the rounds that somebody asks for. */
  readonly lastJob: Job;
  /** For the result: what is left out, and why. Said twice, it is kept once. */
  readonly say: (text: string) => void;
  /** For who waits. */
  readonly progress: (text: string) => void;
}

export interface Bench extends BenchOptions {
  readonly home: string;
  /** Folder with the built product. */
  readonly app: string;
  rounds(): Promise<Rounds>;
  /** A place of one's own, with an empty tree. It is closed with the bench, or before. */
  shop(options?: Partial<ShopOptions>): Promise<Shop>;
  /** A folder for whatever a goal needs; its name. */
  folder(): string;
  close(): Promise<void>;
}

export interface RoundRow {
  readonly job: Job;
  readonly who: string;
  readonly samples: readonly Sample[];
}

export interface Rounds {
  readonly rows: readonly RoundRow[];
  /** Median; undefined for who did not take part. */
  of(who: string, job: Job, what: keyof Sample): number | undefined;
}

export function openBench(options: BenchOptions): Bench {
  const home = mkdtempSync(join(tmpdir(), 'rtsync-bench-'));
  const app = join(home, 'app');
  const shops: Shop[] = [];
  let rounds: Promise<Rounds> | undefined;
  let folders = 0;
  const folder = (): string => {
    folders += 1;
    return join(home, `place-${folders}`);
  };
  const clear = (): void => rmSync(home, { recursive: true, force: true });
  process.once('exit', clear);
  buildProduct(app);
  // Dozens of processes start and live for a moment; where speed counts, each starts as it does for a user.
  if (options.smoke) process.env.NODE_COMPILE_CACHE = join(home, 'compiled');
  const bench: Bench = {
    ...options,
    ...{ home, app, folder },
    rounds: () => {
      rounds ??= runRounds(bench);
      return rounds;
    },
    shop: async (wanted = {}) => {
      const shop = await openShop({ home: folder(), app, latencyMs: options.latencyMs, ...wanted });
      shops.push(shop);
      return shop;
    },
    close: async () => {
      for (const shop of shops) await shop.stop();
      clear();
      process.off('exit', clear);
    },
  };
  return bench;
}

async function runRounds(bench: Bench): Promise<Rounds> {
  const wanted = JOBS.slice(0, JOBS.indexOf(bench.lastJob) + 1);
  const rows: { job: Job; who: string; samples: Sample[] }[] = [];
  const contestants = await contestantsFor(bench);
  const out = new Set<Contestant>();
  try {
    for (let turn = 1; turn <= bench.runs; turn += 1) {
      for (const contestant of contestants.filter((one) => !out.has(one))) {
        bench.progress(`round ${turn} of ${bench.runs}: ${contestant.name}`);
        await contestant.begin();
        if (!bench.smoke) warm(contestant.tree());
        for (const job of contestant.jobs.filter((one) => wanted.includes(one))) {
          const sample = await attempt(bench, contestant, job);
          if (sample === undefined) {
            out.add(contestant);
            break;
          }
          const row = rows.find((one) => one.job === job && one.who === contestant.name);
          if (row === undefined) rows.push({ job, who: contestant.name, samples: [sample] });
          else row.samples.push(sample);
        }
      }
    }
  } finally {
    for (const contestant of contestants) await contestant.end();
  }
  return {
    rows,
    of: (who, job, what) => {
      const row = rows.find((one) => one.who === who && one.job === job);
      return row === undefined ? undefined : median(row.samples.map((sample) => sample[what]));
    },
  };
}

/** A peer that fails is left out, with a sentence; we may not fail. */
async function attempt(bench: Bench, contestant: Contestant, job: Job): Promise<Sample | undefined> {
  try {
    return await contestant.measure(job);
  } catch (error) {
    if (contestant.name === 'rtsync' || contestant.name === 'floor') throw error;
    bench.say(
      `${contestant.name} is left out of the rest: ${error instanceof Error ? error.message : error}`,
    );
    return undefined;
  }
}
