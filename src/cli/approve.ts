/** `rtsync approve`: lets the deletes that are held pass, exactly those that were shown, for an hour. */
import type { Command } from 'commander';
import { approvalsOf } from '../app/state.ts';
import { type PairConfig, pairFor } from '../config/pairs.ts';
import { heldFingerprint } from '../core/guard.ts';
import { systemClock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { CliContext } from './globals.ts';
import { counted } from './output.ts';
import { printable } from './progress.ts';

const VALID_MS = 3_600_000;

export function registerApprove(program: Command, context: CliContext): void {
  program
    .command('approve')
    .description('let the deletes that are held pass: exactly those that are shown, within an hour')
    .argument('[folder]', 'folder of the pair, or its name in the configuration')
    .action(async (folder: string | undefined) => {
      const { config } = await context.config();
      const approvals = await approvalsOf(
        config,
        folderOf(folder, config.pairs, context.io.cwd),
        context.io.cwd,
      );
      const held = approvals.readHeld();
      if (held.length === 0)
        throw new RtsyncError('usage', 'no deletes are held for this pair; run "rtsync sync" to look again');
      if (!context.globals().dryRun) {
        const until = systemClock().now() + VALID_MS;
        approvals.approve(held.map(heldFingerprint), until);
      }
      const output = context.output();
      const lines = held.map(
        ({ path, side, files }) =>
          `  ${printable(path)} (${counted(files, 'file')}, ${side === 'local' ? 'here' : 'in the workspace'})`,
      );
      const head = context.globals().dryRun
        ? 'would be approved:'
        : 'approved for an hour; the next cycle deletes:';
      output.result([head, ...lines], { version: 1, dryRun: context.globals().dryRun, approved: held });
    });
}

function folderOf(folder: string | undefined, pairs: readonly PairConfig[], cwd: string): string {
  if (folder !== undefined) return pairs.find((pair) => pair.name === folder)?.folder ?? folder;
  return pairs.length === 0 ? cwd : (pairFor({}, cwd, pairs)[0]?.folder ?? cwd);
}
