/** The thread that plays one share of a selftest. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ShareJob, ShareNews } from './parallel.ts';
import { selftest } from './selftest.ts';

/** Worlds between two lines of progress. */
const EVERY = 10;

const job = workerData as ShareJob;
const tell = (news: ShareNews): void => parentPort?.postMessage(news);

const result = await selftest({
  ...job,
  onFailure: (failure) => tell({ kind: 'failure', failure }),
  onRun: (figures) => {
    if (figures.runs % EVERY === 0) tell({ kind: 'progress', figures });
  },
});
tell({ kind: 'done', result });
