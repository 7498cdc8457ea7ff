/**
 * `rtsync push` with a rate window that is shorter than a minute, which the command line has no switch for:
 * `node scaled-client.ts FOLDER STATE WINDOW-MS`, servers and key from the environment; prints the seconds from the
 * first thing that it did to the last. Only the gate is another one than `app/link.ts` makes.
 */
import type { ServerLink } from '../../../src/app/link.ts';
import { openPair } from '../../../src/app.ts';
import { pairFor } from '../../../src/config/pairs.ts';
import { loadConfig } from '../../../src/config.ts';
import { silent } from '../../../src/engine/events.ts';
import { runUntilQuiet } from '../../../src/engine/run-once.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createGate } from '../../../src/pace/queue.ts';
import { createHttp } from '../../../src/remote/http.ts';
import { createStorageClient } from '../../../src/remote/runtools/client.ts';
import { createWorkspaces } from '../../../src/remote/runtools/workspaces.ts';

const [folder = '', stateDir = '', windowMs = ''] = process.argv.slice(2);
const startedAt = performance.now();
const { env } = process;
const clock = systemClock();
const cwd = process.cwd();
const { config } = await loadConfig({ env, cwd, stateDir });
const { server } = config;
const http = createHttp({ connections: server.concurrency });
const gate = createGate({
  concurrency: server.concurrency,
  windowMs: Number(windowMs),
  single: true,
  clock,
  random: Math.random,
});
const common = { http, gate, clock, key: env.RUNTOOLS_API_KEY ?? '', authFixed: false };
const link: ServerLink = {
  gate,
  bandwidth: undefined,
  workspaces: createWorkspaces({ ...common, origin: server.apiUrl }),
  storage: (workspaceId, _traits, through = gate) =>
    createStorageClient({ ...common, gate: through, origin: server.storageUrl, workspaceId }),
  claim: () => undefined,
  close: () => http.close(),
};
const [pairConfig] = pairFor({ folder, farEnd: 'w' }, cwd, config.pairs);
if (pairConfig === undefined) throw new Error(`no pair for ${folder}`);
const { signal } = new AbortController();
const run = { clock, observer: silent, direction: 'push', mode: 'normal', dryRun: false, signal } as const;
const opened = await openPair(config, link, pairConfig, run);
const { report } = await runUntilQuiet(opened.pair, signal, { ...gate.counts });
opened.close();
await link.close();
console.log(JSON.stringify({ seconds: (performance.now() - startedAt) / 1000, inSync: report.inSync }));
