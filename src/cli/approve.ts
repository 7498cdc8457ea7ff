/** `rtsync approve`: lets what is held pass, deletes and older versions, exactly what was shown, for an hour. */
import type { Command } from 'commander';
import { approvalsOf, approveAfresh } from '../app/state.ts';
import { type PairConfig, pairFor } from '../config/pairs.ts';
import { heldFingerprint } from '../core/guard.ts';
import type { Held } from '../core/plan.ts';
import { isRegression } from '../core/regressions.ts';
import { systemClock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { CliContext } from './globals.ts';
import { counted } from './output.ts';
import { printable } from './progress.ts';
import { heldInWords } from './report-lines.ts';

const VALID_MS = 3_600_000;

export function registerApprove(program: Command, context: CliContext): void {
  program
    .command('approve')
    .description('let what is held pass, deletes and older versions: exactly what is shown, within an hour')
    .argument('[folder]', 'folder of the pair, or its name in the configuration')
    .option(
      '--afresh',
      'for a halted pair, whose folder or workspace is not known again: compare both sides as if for the first time',
    )
    .action(async (folder: string | undefined, options: { readonly afresh?: boolean }) => {
      const { config } = await context.config();
      const approvals = await approvalsOf(
        config,
        folderOf(folder, config.pairs, context.io.cwd),
        context.io.cwd,
      );
      if (options.afresh === true) {
        if (approvals.readHalt() === undefined)
          throw new RtsyncError(
            'usage',
            'this pair is not halted, so there is nothing to approve with --afresh; run "rtsync sync" to look again',
          );
        if (!context.globals().dryRun) approveAfresh(approvals, systemClock().now() + VALID_MS);
        return tellAfresh(context);
      }
      const held = approvals.readHeld();
      if (held.length === 0) return tellNothing(context, approvals.readHalt());
      if (!context.globals().dryRun) {
        const until = systemClock().now() + VALID_MS;
        approvals.approve(held.map(heldFingerprint), until);
      }
      const { dryRun } = context.globals();
      const lines = [headline(held, dryRun), ...held.map((item) => `  ${lineOf(item)}`)];
      context.output().result(lines, { version: 1, dryRun, approved: held });
    });
}

/** No error: what was held may have been approved by somebody else, or is wanted no more. `halt`: why the pair is halted. */
function tellNothing(context: CliContext, halt: string | undefined): void {
  const line =
    halt === undefined
      ? 'nothing is held for this pair, so there is nothing to approve'
      : `nothing is held for this pair, so there is nothing to approve; but it is halted: ${halt}`;
  context.output().result(line, { version: 1, dryRun: context.globals().dryRun, approved: [] });
}

/** Nothing that is held is meant by it: without a base there is nothing to delete. */
function tellAfresh(context: CliContext): void {
  const { dryRun } = context.globals();
  const when = dryRun ? 'would compare' : 'compares';
  const line = `the next run within an hour ${when} both sides as if for the first time: nothing is deleted, and what differs becomes a conflict; a service that stands still goes on by itself`;
  context.output().result(line, { version: 1, dryRun, afresh: true });
}

function headline(held: readonly Held[], dryRun: boolean): string {
  const what = heldInWords(held);
  const one = held.length === 1;
  if (dryRun) return `${what} ${one ? 'waits' : 'wait'}; would be approved:`;
  return `${what} ${one ? 'is' : 'are'} approved for an hour; the next cycle ${one ? 'does that' : 'does them'}:`;
}

function lineOf(item: Held): string {
  const path = printable(item.path);
  if (isRegression(item)) return `${path} (the older version of the workspace comes here)`;
  return `${path} (${counted(item.files, 'file')}, to be deleted ${item.side === 'local' ? 'here' : 'in the workspace'})`;
}

function folderOf(folder: string | undefined, pairs: readonly PairConfig[], cwd: string): string {
  if (folder !== undefined) return pairs.find((pair) => pair.name === folder)?.folder ?? folder;
  return pairs.length === 0 ? cwd : (pairFor({}, cwd, pairs)[0]?.folder ?? cwd);
}
