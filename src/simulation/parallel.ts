/** The worlds of a selftest spread over threads: each plays its own share, and the figures are added up. */
import { Worker } from 'node:worker_threads';
import {
  addFigures,
  type Failure,
  NOTHING,
  type SelftestFigures,
  type SelftestOptions,
  type SelftestResult,
} from './selftest.ts';

export interface ShareJob {
  readonly seed: string;
  readonly from: number;
  readonly runs: number;
  readonly failures: number;
}

export type ShareNews =
  | { readonly kind: 'progress'; readonly figures: SelftestFigures }
  | { readonly kind: 'failure'; readonly failure: Failure }
  | { readonly kind: 'done'; readonly result: SelftestResult };

/** Like `selftest`, on `jobs` threads. A share that finds a failure stops; the others end as well. */
export async function selftestInThreads(options: SelftestOptions, jobs: number): Promise<SelftestResult> {
  const first = options.from ?? 1;
  const size = Math.ceil(options.runs / jobs);
  const latest = new Map<number, SelftestFigures>();
  const workers: Worker[] = [];
  /** As they are told, so that a run that is stopped does not forget them. */
  const failures: Failure[] = [];
  const share = (index: number): Promise<SelftestResult> => {
    const from = first + index * size;
    const runs = Math.max(0, Math.min(size, first + options.runs - from));
    const job: ShareJob = { seed: options.seed, from, runs, failures: options.failures ?? 1 };
    const worker = new Worker(new URL(workerFile(), import.meta.url), { workerData: job });
    workers.push(worker);
    return new Promise((resolve, reject) => {
      worker.on('message', (news: ShareNews) => {
        if (news.kind === 'failure') {
          failures.push(news.failure);
          return;
        }
        latest.set(index, news.kind === 'done' ? news.result.figures : news.figures);
        if (news.kind === 'done') resolve(news.result);
        else options.onRun?.([...latest.values()].reduce(addFigures, NOTHING));
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve({ figures: latest.get(index) ?? NOTHING, failures: [] }));
      options.signal?.addEventListener('abort', () => void worker.terminate(), { once: true });
    });
  };
  const results = await Promise.all(
    Array.from({ length: jobs }, async (_, index) => {
      const result = await share(index);
      if (result.failures.length >= (options.failures ?? 1))
        await Promise.all(workers.map((worker) => worker.terminate()));
      return result;
    }),
  );
  return {
    figures: results.map(({ figures }) => figures).reduce(addFigures, NOTHING),
    failures,
  };
}

/** The sources run as they are, the package as it was built. */
function workerFile(): string {
  return import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
}
