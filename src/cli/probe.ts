/** `rtsync probe`: finds out how the server behaves, and shows it. */
import type { Command } from 'commander';
import { openServer } from '../app/link.ts';
import { probeWorkspace } from '../app.ts';
import { pairFor } from '../config/pairs.ts';
import { systemClock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { Traits } from '../remote/traits.ts';
import type { CliContext } from './globals.ts';

const WORDS: Readonly<Record<Exclude<keyof Traits, 'version' | 'probedAt'>, string>> = {
  depth: 'probed by (full: in a scratch folder, reading: by lists alone)',
  auth: 'key is sent as',
  takenUpload: 'upload onto a taken name',
  takenMove: 'move onto a taken name',
  dotFiles: 'names with a leading dot',
  dateGrain: 'resolution of dates in ms',
  datesFollowClock: "dates follow the server's clock",
  pathEncoding: 'ids in URLs',
  missingFolder: 'list of a missing folder',
  uploadMakesParents: 'upload makes missing parents',
  moveKeepsDate: 'move keeps the date',
  rateHeaders: 'tells its rate in headers',
  growingUploads: 'uploads may be visible while they grow',
};

export function registerProbe(program: Command, context: CliContext): void {
  program
    .command('probe')
    .description('find out how the server behaves, in a scratch folder that is removed again')
    .argument('[workspace]', 'id, slug or name of a workspace; the first configured pair otherwise')
    .option('--reading', 'send nothing but lists')
    .action(async (workspace: string | undefined, options: { reading?: boolean }) => {
      const { config } = await context.config();
      const name = workspace ?? pairFor({}, context.io.cwd, config.pairs)[0]?.workspace;
      if (name === undefined) throw new RtsyncError('usage', 'name a workspace to probe');
      const link = await openServer(config, {
        env: context.io.env,
        clock: systemClock(),
        maxWaitMs: 120_000,
      });
      try {
        const reading = options.reading === true || context.globals().dryRun;
        const traits = await probeWorkspace(link, name, reading ? 'reading' : 'full', context.signal);
        const lines = Object.entries(WORDS).map(
          ([key, words]) => `${words}: ${String(traits[key as keyof Traits])}`,
        );
        context.output().result([...lines, `(${link.gate.counts.total} requests)`], traits);
      } finally {
        await link.close();
      }
    });
}
