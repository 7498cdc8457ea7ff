/** The command that lets what is held pass, as a person can copy it from a report or a log. */
import { shellWord } from '../lib/shell.ts';
import type { Globals } from './globals.ts';

/** `globals`: those of this command line; the same state must be found again. `folder`: of the pair, absolute. */
export function approveCommand(
  { config, stateDir }: Pick<Globals, 'config' | 'stateDir'>,
  folder: string,
): string {
  const options = [
    ...(config === undefined ? [] : ['--config', config]),
    ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
  ];
  return ['rtsync', 'approve', ...options, folder].map(shellWord).join(' ');
}
